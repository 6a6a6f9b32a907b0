import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { connect } from 'node:tls';
import { VirtualClock } from '#sdk/testing';
import { type Answer, type Call, type Caller, protocols } from './support/caller.ts';
import { createPair, writeFiles } from './support/certificates.ts';
import { doubt, proofOf } from './support/huawei-verifier.ts';
import { type Shop, shopYaml, startShop } from './support/shop.ts';
import { within } from './support/within.ts';

/* The acceptance configuration, where callers have to prove who they are; `calling-orders` has the rest. */

const host = 'api.shop.example';
const mobile = { key: 'mobile-key-0001', secret: 'mobile-secret-0001' };
const stranger = { key: 'stranger-key-01', secret: 'stranger-secret-01' };
const alice = { key: 'AKALICE0000000000001', secret: 'alice-secret-key-0001' };
const bob = { key: 'AKBOB000000000000001', secret: 'bob-secret-key-000001' };
const appCode = 'aPpCoDe0123456789aPpCoDe0123456789aPpCoDe0123456789aPpCoDe0123456789';

interface Signing extends Call {
  readonly as: { readonly key: string; readonly secret: string };
}

/** Calls signed by what shares no code with the gateway. */
function signed(
  { clock }: Pick<Shop, 'clock'>,
  caller: Caller,
  method: string,
  target: string,
  { as, headers = {}, body = '', ...call }: Signing,
): Promise<Answer> {
  const rawHeaders = Object.entries({ host, ...headers }).flat();
  const request = { method, url: target, rawHeaders, body: Buffer.from(body) };
  const proof = proofOf(request, { ...as, now: clock.now() });
  const given = body === '' ? call : { ...call, body };
  return caller.call(method, target, { ...given, headers: { ...headers, ...proof } });
}

const codeOf = (answer: Answer): string => `${answer.status} ${String(answer.json()['error_code'])}`;
const statusOf = ({ status }: Answer): number => status;

for (const protocol of protocols) {
  suite(`create-order over ${protocol}`, () => {
    const order = { as: mobile, headers: { 'content-type': 'application/json' }, body: '{"sku":"é"}' };

    test('an app that may call it, by signature; the backend believes the signature of the gateway', async () => {
      await using shop = await startShop();
      const answer = await signed(shop, shop.caller(protocol), 'POST', '/orders?b=2&a=%C3%A9', order);
      assert.deepEqual([answer.status, answer.text], [200, 'release']);
      const [request] = shop.release.seen;
      assert.ok(request !== undefined);
      assert.equal(`${request.method} ${request.url}`, 'POST /orders?b=2&a=%C3%A9');
      assert.equal(request.body.toString(), order.body);
      const trusted = { key: 'gateway-key-01', secret: 'gateway-secret-0000001', now: shop.clock.now() };
      assert.equal(doubt(request, trusted), undefined);
      assert.equal(doubt({ ...request, body: Buffer.from('{}') }, trusted), 'a wrong signature');
      assert.doesNotMatch(
        request.rawHeaders.join(),
        /mobile-/,
        'what the caller proved itself with stays here',
      );
    });

    test('who does not sign, signs with another secret, or late, or is unknown: 401 APIG.0303', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const refused = [
        await caller.call('POST', '/orders', { body: '{}' }),
        await signed(shop, caller, 'POST', '/orders', { ...order, as: { ...mobile, secret: 'another' } }),
        await signed(shop, caller, 'POST', '/orders', { ...order, as: { ...mobile, key: 'nobody' } }),
        await signed(shop, caller, 'POST', '/orders', { ...order, as: alice }),
      ];
      // The clock of who signs is the gateway's; this one's is behind.
      const behind = { clock: new VirtualClock(shop.clock.now() - 15 * 60_000 - 1000) };
      refused.push(await signed(behind, caller, 'POST', '/orders', order));
      for (const answer of refused) {
        assert.equal(codeOf(answer), '401 APIG.0303');
        assert.match(String(answer.json()['error_msg']), /^Incorrect app authentication information/);
      }
      assert.equal(shop.seen.length, 0);
    });

    test('an app that may not call it: 403 APIG.0304', async () => {
      await using shop = await startShop();
      const answer = await signed(shop, shop.caller(protocol), 'POST', '/orders', { ...order, as: stranger });
      assert.equal(codeOf(answer), '403 APIG.0304');
      assert.equal(answer.json()['error_msg'], 'The app is not authorized to access the API.');
      assert.equal(shop.seen.length, 0);
    });

    test('an AppCode, over HTTPS only', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const answer = await caller.call('POST', '/orders', {
        headers: { 'X-Apig-AppCode': appCode },
        body: '{}',
      });
      if (caller.isSecure) {
        assert.equal(answer.status, 200, answer.text);
        assert.doesNotMatch(shop.release.seen[0]?.rawHeaders.join() ?? appCode, /aPpCoDe/);
      } else {
        assert.equal(codeOf(answer), '401 APIG.0303');
        assert.equal(shop.seen.length, 0);
      }
      const headers = { 'X-Apig-AppCode': appCode.toLowerCase() };
      assert.equal(codeOf(await caller.call('POST', '/orders', { headers, body: '{}' })), '401 APIG.0303');
    });

    test('an app has three calls a minute, the excluded one its one', async () => {
      const replace = [
        ['    secret: stranger-secret-01', '    secret: stranger-secret-01\n    apis: [shop/create-order]'],
      ] as const;
      await using shop = await startShop({ replace });
      const caller = shop.caller(protocol);
      const statuses = async (as: typeof mobile) => {
        const answers: Answer[] = [];
        for (let count = 0; count < 5; count += 1)
          answers.push(await signed(shop, caller, 'POST', '/orders', { ...order, as }));
        assert.equal(codeOf(answers[4] ?? assert.fail()), '429 APIG.0308');
        return answers.map(statusOf);
      };
      for (let minute = 0; minute < 2; minute += 1) {
        assert.deepEqual(await statuses(mobile), [200, 200, 200, 429, 429]);
        assert.deepEqual(await statuses(stranger), [200, 429, 429, 429, 429]);
        shop.clock.advance(60_000);
      }
    });
  });

  suite(`X-Apig-Mode: debug over ${protocol} (guide 4.3.2)`, () => {
    const table: readonly (readonly [name: string, order: string | RegExp, limited: string | RegExp])[] = [
      ['X-Request-Id', /^[0-9a-f-]{36}$/, /^[0-9a-f-]{36}$/],
      ['X-Apig-Latency', /^\d+$/, /^\d+$/],
      ['X-Apig-Upstream-Latency', /^\d+$/, /^\d+$/],
      ['X-Apig-RateLimit-api', 'remain:99,limit:100,time:1 minute', 'remain:9,limit:10,time:1 minute'],
      ['X-Apig-RateLimit-user', 'remain:49,limit:50,time:1 minute', ''],
      ['X-Apig-RateLimit-app', 'remain:2,limit:3,time:1 minute', ''],
      ['X-Apig-RateLimit-ip', '', 'remain:4,limit:5,time:1 minute'],
      [
        'X-Apig-RateLimit-api-allenv',
        'remain:200,limit:200,time:1 second',
        'remain:200,limit:200,time:1 second',
      ],
    ];

    test('the fields of each limit that is configured, only where they are asked for', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const headers = { 'X-Apig-Mode': 'debug' };
      const order = await signed(shop, caller, 'POST', '/orders', { as: mobile, headers, body: '{}' });
      const limited = await caller.call('GET', '/limited', { headers });
      for (const [name, ...expected] of table) {
        for (const [index, value] of expected.entries()) {
          const found = [order, limited][index]?.getAll(name).join() ?? '';
          if (typeof value === 'string') assert.equal(found, value, name);
          else assert.match(found, value, name);
        }
      }
      const plain = await caller.call('GET', '/limited');
      const names = (answer: Answer) => answer.headers.map(([name]) => name.toLowerCase());
      assert.ok(names(plain).includes('x-request-id'));
      assert.deepEqual(
        names(plain).filter((name) => name.startsWith('x-apig-')),
        [],
      );
      // A mock has no time of its own.
      const mocked = await caller.call('GET', '/health', { headers });
      assert.match(mocked.get('x-apig-latency') ?? '', /^\d+$/);
      assert.equal(mocked.get('x-apig-upstream-latency'), undefined);
    });
  });

  suite(`admin over ${protocol}`, () => {
    test('a user of acme, by signature', async () => {
      await using shop = await startShop();
      const answer = await signed(shop, shop.caller(protocol), 'GET', '/admin?x=1', { as: alice });
      assert.deepEqual([answer.status, answer.text], [200, 'release']);
      const [request] = shop.release.seen;
      assert.equal(request?.url, '/admin?x=1');
      assert.deepEqual(request?.values('authorization'), []);
    });

    test('a user of acme, by a token for the password, until it expires', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      assert.equal((await askToken(caller, 'wrong')).status, 401);
      const token =
        (await askToken(caller, 'alice-password')).get('x-subject-token') ?? assert.fail('no token');
      const call = { headers: { 'X-Auth-Token': token } };
      assert.equal((await caller.call('GET', '/admin', call)).text, 'release');
      assert.deepEqual(shop.release.seen[0]?.values('x-auth-token'), []);
      const forged = { headers: { 'X-Auth-Token': `${token}x` } };
      assert.equal(codeOf(await caller.call('GET', '/admin', forged)), '401 APIG.0301');
      shop.clock.advance(86_400_000 + 1000);
      const expired = await caller.call('GET', '/admin', call);
      assert.equal(codeOf(expired), '401 APIG.0307');
      assert.equal(expired.json()['error_msg'], 'The token must be updated.');
    });

    test('a password from the environment stands instead of the one that is written there', async () => {
      await using shop = await startShop({ env: { ALICE_PASSWORD: 'from-outside' } });
      const caller = shop.caller(protocol);
      assert.equal((await askToken(caller, 'alice-password')).status, 401);
      assert.equal((await askToken(caller, 'from-outside')).status, 201);
    });

    test('a user of another account: 403 APIG.0302', async () => {
      await using shop = await startShop();
      const answer = await signed(shop, shop.caller(protocol), 'GET', '/admin', { as: bob });
      assert.equal(codeOf(answer), '403 APIG.0302');
      assert.equal(answer.json()['error_msg'], 'The IAM user is not authorized to access the API.');
      assert.equal(shop.seen.length, 0);
    });

    test('nobody, an app, and a wrong secret: 401 APIG.0301', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      for (const answer of [
        await caller.call('GET', '/admin'),
        await caller.call('GET', '/admin', { headers: { 'X-Apig-AppCode': appCode } }),
        await signed(shop, caller, 'GET', '/admin', { as: mobile }),
        await signed(shop, caller, 'GET', '/admin', { as: { ...alice, secret: bob.secret } }),
      ]) {
        assert.equal(codeOf(answer), '401 APIG.0301');
        assert.match(String(answer.json()['error_msg']), /^Incorrect IAM authentication information/);
      }
      assert.equal(shop.seen.length, 0);
    });
  });
}

function askToken(caller: Caller, password: string): Promise<Answer> {
  const user = { name: 'alice', domain: { name: 'acme' }, password };
  const body = JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } } } });
  return caller.call('POST', '/v3/auth/tokens', { headers: { 'content-type': 'application/json' }, body });
}

suite('what the comments say', () => {
  test('protocol: http | https | both', async () => {
    const said = 'protocol: both                        #';
    for (const [word, plain, secure] of [
      ['http', 200, 400],
      ['https', 400, 200],
      ['both', 200, 200],
    ] as const) {
      await using shop = await startShop({ replace: [[said, `protocol: ${word} #`]] });
      const headers = { 'x-tenant': 'acme' };
      for (const protocol of protocols) {
        const answer = await shop.caller(protocol).call('GET', '/orders/1', { headers });
        assert.equal(answer.status, protocol === 'HTTP/1.1' ? plain : secure, `${word} ${protocol}`);
        if (answer.status === 200) continue;
        assert.equal(answer.json()['error_code'], 'APIG.0607');
        assert.equal(answer.json()['error_msg'], `The following protocol is supported: ${word}`);
      }
    }
  });

  test('tls: certificate and key from files, and one pair for a domain', async () => {
    const [listener, domain] = [await createPair('own.example'), await createPair(host)];
    const folder = writeFiles({
      'a.pem': listener.cert,
      'a.key': listener.key,
      'b.pem': domain.cert,
      'b.key': domain.key,
    });
    const pair = (name: string) => `certificate: ${folder}/${name}.pem, key: ${folder}/${name}.key`;
    const replace = [
      ['tls: selfsigned ', `tls: { ${pair('a')} } `],
      [`domains: [${host}]`, `domains: [{ name: ${host}, ${pair('b')} }]`],
    ] as const;
    await using shop = await startShop({ replace });
    for (const [servername, cert] of [
      [host, domain.cert],
      ['1a2b3c.debug.example', listener.cert],
    ] as const) {
      const socket = connect({
        port: shop.securePort,
        host: '127.0.0.1',
        servername,
        rejectUnauthorized: false,
      });
      await within(once(socket, 'secureConnect'), 'a TLS connection');
      const shown = socket.getPeerX509Certificate()?.fingerprint256;
      socket.destroy();
      assert.equal(shown, new X509Certificate(cert).fingerprint256, servername);
    }
    for (const protocol of protocols)
      assert.equal((await shop.caller(protocol).call('GET', '/health')).status, 200, protocol);
  });

  test('policies: at most five', async () => {
    const [, first = ''] = /( {6}- name: vip\n(?: {8}.*\n)+)/.exec(shopYaml) ?? [];
    const policies = (count: number) =>
      Array.from({ length: count }, (_, index) => first.replace('name: vip', `name: vip-${index}`)).join('');
    await using shop = await startShop({ replace: [[first, policies(5)]] });
    assert.ok(shop.plainPort > 0);
    await assert.rejects(startShop({ replace: [[first, policies(6)]] }), /policies.*found a list of 6/s);
  });

  test('scope: shared counts the APIs of the policy together', async () => {
    for (const [scope, expected] of [
      ['api', 5],
      ['shared', 0],
    ] as const) {
      await using shop = await startShop({
        replace: [
          ['scope: api  ', `scope: ${scope}  `],
          [
            'plugin: ten-a-minute, apis: [shop/limited]',
            'plugin: ten-a-minute, apis: [shop/limited, shop/health]',
          ],
        ],
      });
      const caller = shop.caller('HTTP/1.1');
      const passed = async (target: string) => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => caller.call('GET', target)));
        return answers.filter(({ status }) => status === 200).length;
      };
      assert.deepEqual([await passed('/limited'), await passed('/health')], [5, expected]);
    }
  });
});
