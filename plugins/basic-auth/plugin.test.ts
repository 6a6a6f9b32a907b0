import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { basic, gatewayOf, hashOf, missing, outcome, wrong } from './testing.ts';

const alice = { name: 'alice', password: 's3cret#1' };

test('name and password let in, and who calls is the name', async (t) => {
  const gateway = await gatewayOf(t, { config: { users: [alice, { name: 'bob', password: 'a:b' }] } });
  assert.equal(outcome(await gateway.ask('alice', 's3cret#1')), '200');
  const { identity } = gateway.completed[0]?.exchange ?? {};
  assert.deepEqual([identity?.type, identity?.id, identity?.user?.name], ['user', 'alice', 'alice']);
  assert.equal(outcome(await gateway.ask('bob', 'a:b')), '200', 'a password may have colons');
  for (const [name, password] of [
    ['alice', 's3cret#2'],
    ['alice', ''],
    ['Alice', 's3cret#1'],
    ['bob', 's3cret#1'],
    ['nobody', 'x'],
  ])
    assert.equal(outcome(await gateway.ask(name ?? '', password ?? '')), wrong);
  assert.equal(gateway.backendRequests.length, 2);
});

test('callers are told what is asked for (RFC 7617)', async (t) => {
  const challenge = (realm: string) => `Basic realm="${realm}", charset="UTF-8"`;
  const usual = await gatewayOf(t, { config: { users: [alice] } });
  const answer = await usual.send();
  assert.equal(outcome(answer), missing);
  assert.equal(answer.headers.get('www-authenticate'), challenge('API'));
  assert.equal((await usual.ask('alice', 'x')).headers.get('www-authenticate'), challenge('API'));
  assert.equal((await usual.ask('alice', 's3cret#1')).headers.get('www-authenticate'), undefined);
  const own = await gatewayOf(t, { config: { users: [alice], realm: 'The "shop" \\ 1' } });
  assert.equal((await own.send()).headers.get('www-authenticate'), challenge('The \\"shop\\" \\\\ 1'));
});

test("the RFC's examples", async (t) => {
  const users = [
    { name: 'Aladdin', password: 'open sesame' },
    { name: 'test', password: '123£' },
  ];
  const gateway = await gatewayOf(t, { config: { users } });
  assert.equal(outcome(await gateway.send('Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==')), '200');
  assert.equal(outcome(await gateway.send('Basic dGVzdDoxMjPCow==')), '200');
});

test('the scheme is read in any letter case, what is no credentials is refused', async (t) => {
  const gateway = await gatewayOf(t, { config: { users: [alice] } });
  const good = basic('alice:s3cret#1');
  const encoded = good.slice(6);
  for (const each of [`bAsIc ${encoded}`, `Basic    ${encoded}  `])
    assert.equal(outcome(await gateway.send(each)), '200');
  for (const each of ['', 'Basic', 'Basic ', `Basic${encoded}`, `Bearer ${encoded}`, encoded, 'Basicx y'])
    assert.equal(outcome(await gateway.send(each)), missing, each);
  const malformed = [
    `Basic ${encoded.replace(/=+$/, '')}=x`,
    `Basic ${encoded} ${encoded}`,
    `Basic ${encoded}, Basic ${encoded}`,
    `Basic ${encoded}=`,
    'Basic !!!!',
    basic('alice'),
    basic(':s3cret#1'),
    basic('alice:s3cret#1\n'),
    basic('alice\0:s3cret#1'),
    basic(Buffer.from([0x61, 0x3a, 0xff])),
    basic(`alice:${'x'.repeat(5_000)}`),
  ];
  for (const each of malformed) assert.equal(outcome(await gateway.send(each)), wrong, each.slice(0, 60));
  assert.equal(outcome(await gateway.send([good, good])), wrong, 'two fields');
});

test('letters that look the same are the same', async (t) => {
  const gateway = await gatewayOf(t, { config: { users: [{ name: 'Zoe\u0308', password: 'u\u0308ber' }] } });
  assert.equal(outcome(await gateway.ask('Zo\u00eb', '\u00fcber')), '200');
  assert.equal(outcome(await gateway.ask('Zoe\u0308', 'u\u0308ber')), '200');
});

test('the backend learns the password only if it is told to', async (t) => {
  for (const forwardCredentials of [false, true]) {
    const gateway = await gatewayOf(t, { config: { users: [alice], forwardCredentials } });
    await gateway.ask('alice', 's3cret#1');
    assert.equal(gateway.backendRequests[0]?.headers.has('authorization'), forwardCredentials);
  }
});

test('users of a data set, until their item expires, beside those that are listed', async (t) => {
  const items = [
    'bob:b',
    { value: 'bob:old', expires: '2026-01-01T00:01:00Z' },
    { value: 'Zoe\u0308:z', expires: '2026-01-01T00:01:00Z' },
  ];
  const root = { dataSets: { partners: { type: 'BASIC_AUTH_ACCESS', items } } };
  const gateway = await gatewayOf(t, { config: { users: [alice], dataSet: 'partners' }, root });
  const all = async () => {
    const answers = [
      await gateway.ask('alice', 's3cret#1'),
      await gateway.ask('bob', 'b'),
      await gateway.ask('bob', 'old'),
      await gateway.ask('Zo\u00eb', 'z'),
    ];
    return answers.map(({ status }) => status);
  };
  assert.deepEqual(await all(), [200, 200, 200, 200]);
  gateway.clock.advance(60_000);
  assert.deepEqual(await all(), [200, 200, 401, 401]);
});

test('beside another authenticator both must pass, and who calls is what that says', async (t) => {
  const code = `aA9+${'x'.repeat(80)}`;
  const apps = {
    caller: { key: 'app-key-0001', secret: 'app-secret-0001', appCodes: [code], apis: ['test/api'] },
  };
  const gateway = await gatewayOf(t, {
    config: { users: [alice] },
    api: { auth: { type: 'app', appCode: true } },
    root: { apps },
  });
  const ask = async (headers: Record<string, string>) =>
    (await gateway.request('GET', 'https://test/', { headers })).status;
  const authorization = basic('alice:s3cret#1');
  assert.equal(await ask({ 'x-apig-appcode': code }), 401);
  assert.equal(await ask({ 'x-apig-appcode': code, authorization }), 200);
  assert.equal(gateway.completed.at(-1)?.exchange?.identity?.app?.name, 'caller');
});

/** What is wrong with options, a line each. */
async function problemsOf(config: object, type = 'basic-auth', root: object = {}): Promise<string[]> {
  try {
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
        plugins: { users: { type, config } },
        bindings: [{ plugin: 'users', apis: ['*'] }],
        ...root,
      },
      plugins: [plugin],
    });
    await gateway.close();
    return [];
  } catch (error) {
    const { problems } = error as { problems?: readonly { path: string; message: string }[] };
    if (problems === undefined) throw error;
    return problems.map(({ path, message }) => `${path.replace('plugins.users.config', '')}: ${message}`);
  }
}

test('what is wrong is told with its place, and shows no password', async () => {
  const good = hashOf('hunter2hunter2');
  const dataSets = { offices: { type: 'IP_WHITELIST_CIDR', items: ['10.0.0.0/8'] } };
  const cases: [object, RegExp][] = [
    [{}, /^: "users" is missing; allowed instead: "dataSet"/],
    [{ users: [{ name: 'a' }] }, /^\.users\[0\]: "password" is missing; allowed instead: "hash"/],
    [
      { users: [{ name: 'a', password: 'hunter2', hash: good }] },
      /^\.users\[0\]: "password" and "hash" exclude each other/,
    ],
    [{ users: [{ name: 'a:b', password: 'hunter2' }] }, /^\.users\[0\]\.name: a name has no colon/],
    [{ users: [{ name: 'a', password: 'hunter2\n' }] }, /^\.users\[0\]\.password: it has control characters/],
    [
      { users: [{ name: 'a', password: 12 }] },
      /^\.users\[0\]\.password: found a secret; allowed: text; quote it/,
    ],
    [{ users: [alice, alice] }, /^\.users\[1\]\.name: users\[0\] has the same name/],
    [
      { users: [{ name: 'a', hash: 'hunter2' }] },
      /^\.users\[0\]\.hash: it is not of the form \$scrypt\$ln=15/,
    ],
    [
      { users: [{ name: 'a', hash: good.replace('ln=10', 'ln=9') }] },
      /^\.users\[0\]\.hash: ln is at least 10/,
    ],
    [
      { users: [{ name: 'a', hash: good.replace('ln=10', 'ln=18') }] },
      /^\.users\[0\]\.hash: ln and r need more than 128 MiB/,
    ],
    [{ users: [{ name: 'a', hash: good.replace('p=1', 'p=0') }] }, /^\.users\[0\]\.hash: r is at least 1/],
    [
      { dataSet: 'ofices' },
      /^\.dataSet: there is no data set "ofices"; allowed: offices; did you mean "offices"/,
    ],
    [
      { dataSet: 'offices' },
      /^\.dataSet: the data set "offices" is of type IP_WHITELIST_CIDR; allowed: BASIC_AUTH_ACCESS/,
    ],
    [{ users: [alice], realm: 'é' }, /^\.realm: found "é"; allowed: 1 to 128/],
    [{ user: [alice] }, /^\.user: unknown field/],
  ];
  for (const [config, expected] of cases) {
    const problems = await problemsOf(config, 'basic-auth', { dataSets });
    assert.ok(problems.length >= 1);
    assert.match(problems[0] ?? '', expected);
    assert.doesNotMatch(problems.join('\n'), /hunter2/);
  }
});

test('alibaba: names and passwords, numbers too, and a data set', async (t) => {
  const users = [
    { username: 'alice', password: 123456 },
    { username: 'bob', password: '@!<>#$%*' },
    { username: 7, password: '0123' },
  ];
  const root = { dataSets: { '42f2': { type: 'BASIC_AUTH_ACCESS', items: ['carol:c'] } } };
  const gateway = await gatewayOf(t, {
    type: 'alibaba/basicAuth',
    config: { users, usersDatasetId: '42f2' },
    root,
  });
  for (const [name, password] of [
    ['alice', '123456'],
    ['bob', '@!<>#$%*'],
    ['7', '0123'],
    ['carol', 'c'],
  ] as const)
    assert.equal(outcome(await gateway.ask(name, password)), '200');
  assert.equal(outcome(await gateway.ask('carol', '123456')), wrong);
  const refused: [object, RegExp][] = [
    [{}, /^: "users" is missing; allowed instead: "usersDatasetId"/],
    [
      { users: [{ username: 'a', password: 'hunter2\t' }] },
      /^\.users\[0\]\.password: it has control characters/,
    ],
    [{ users: [{ username: 'a:b', password: 'hunter2' }] }, /^\.users\[0\]\.username: a name has no colon/],
    [{ users: [{ username: 'a', password: '' }] }, /^\.users\[0\]\.password: it is empty/],
    [
      {
        users: [
          { username: 'a', password: 1 },
          { username: 'a', password: 2 },
        ],
      },
      /^\.users\[1\]\.username: users\[0\] has the same/,
    ],
    [{ users: [{ username: 'a', pasword: 'hunter2' }] }, /^\.users\[0\]\.pasword: unknown field/],
  ];
  for (const [config, expected] of refused) {
    const problems = await problemsOf(config, 'alibaba/basicAuth');
    assert.match(problems[0] ?? '', expected);
    assert.doesNotMatch(problems.join('\n'), /hunter2/);
  }
});
