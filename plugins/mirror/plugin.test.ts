import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Reply, definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

const huawei = { protocol: 'HTTP', host: 'mirror.example:81' };
const mirror = 'http://mirror.example:81';

async function start(
  config: object,
  answer: () => Reply | Promise<Reply> = () => reply(200),
  type = 'huawei/proxy_mirror',
): Promise<TestGateway> {
  return testPlugin(plugin, {
    type,
    config,
    backend: ({ origin }) => (origin === mirror ? answer() : reply(201, {}, 'own')),
    root: { throttling: { defaultPerSecond: 0 }, management: { port: 0 } },
  });
}

const copied = (gateway: TestGateway) => gateway.backendRequests.filter(({ origin }) => origin === mirror);

async function figures(gateway: TestGateway): Promise<Record<string, number>> {
  const page = JSON.parse((await gateway.manage('/status')).body) as { plugins: Record<string, unknown[]> };
  return page.plugins['mirror']?.[0] as Record<string, number>;
}

/** Copies end by themselves, behind the requests that they are copies of. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await turn();
}

suite('huawei/proxy_mirror', () => {
  test('a copy of the request, its content included; the answer is thrown away', async () => {
    const gateway = await start(huawei, () => reply(500, { 'x-mirror': '1' }, 'never seen'));
    const answer = await gateway.request('POST', '/a%20b?x=1', { headers: { 'x-a': 'b' }, body: 'text' });
    assert.deepEqual([answer.status, answer.text, answer.headers.has('x-mirror')], [201, 'own', false]);
    const [copy] = copied(gateway);
    assert.equal(`${copy?.method} ${copy?.path}?${copy?.rawQuery}`, 'POST /a%20b?x=1');
    assert.equal(copy?.body.toString(), 'text');
    assert.equal(copy?.host, 'mirror.example:81');
    assert.equal(copy?.headers.get('x-a'), 'b');
    assert.equal(copy?.headers.getAll('via').length, 1);
  });

  for (const [config, path] of [
    [{ path: '/m', path_concat_mode: 'replace' }, '/m'],
    [{ path: '/m', path_concat_mode: 'prefix' }, '/m/x/y'],
    [{ path: '/m/', path_concat_mode: 'prefix' }, '/m/x/y'],
    [{ path_concat_mode: 'prefix' }, '/x/y'],
  ] as const) {
    test(`the path ${JSON.stringify(config)}`, async () => {
      const gateway = await start({ ...huawei, ...config });
      await gateway.request('GET', '/x/y');
      assert.equal(copied(gateway)[0]?.path, path);
    });
  }

  test('a part of the requests, exactly; none of them; without content', async () => {
    const quarter = await start({ ...huawei, sample_ratio: 0.25, mirror_request_body_enabled: false });
    for (let index = 0; index < 20; index += 1) await quarter.request('POST', '/', { body: 'x' });
    assert.equal(copied(quarter).length, 5);
    assert.deepEqual(new Set(copied(quarter).map(({ body }) => body.length)), new Set([0]));
    const none = await start({ ...huawei, sample_ratio: 0 });
    for (let index = 0; index < 5; index += 1) await none.request('GET', '/');
    assert.equal(copied(none).length, 0);
  });
});

test('a mirror that does not answer slows nobody down, and only so many copies wait for it', async () => {
  const waiting: ((answer: Reply) => void)[] = [];
  const own = { address: mirror, maxInFlight: 2 };
  const gateway = await start(own, () => new Promise<Reply>((resolve) => waiting.push(resolve)), 'mirror');
  for (let index = 0; index < 5; index += 1) assert.equal((await gateway.request('GET', '/')).status, 201);
  await until(() => waiting.length === 2);
  const { sent, dropped, inFlight } = await figures(gateway);
  assert.deepEqual([sent, dropped, inFlight], [2, 3, 2]);
  for (const answer of waiting.splice(0)) answer(reply(200));
  await until(async () => (await figures(gateway))['inFlight'] === 0);
  await gateway.request('GET', '/');
  await until(() => waiting.length === 1);
});

test('failures are counted, and told once until it answers again', async () => {
  let answer = refuse('backend-unavailable');
  const gateway = await start(huawei, () => answer);
  for (let index = 0; index < 3; index += 1) await gateway.request('GET', '/');
  await until(async () => (await figures(gateway))['failed'] === 3);
  answer = reply(204);
  for (let index = 0; index < 2; index += 1) await gateway.request('GET', '/');
  await until(async () => (await figures(gateway))['answered'] === 2);
  const { failed, answered } = await figures(gateway);
  assert.deepEqual([failed, answered], [3, 2]);
  assert.deepEqual(
    gateway.log
      .filter(({ message }) => message.includes('mirror'))
      .map(({ level, message }) => [level, message]),
    [
      ['warn', 'a mirror does not answer'],
      ['info', 'a mirror answers again'],
    ],
  );
});

test('content that is too large is not copied, and passes', async () => {
  const gateway = await start({ address: mirror, maxBodyBytes: 4 }, undefined, 'mirror');
  await gateway.request('POST', '/', { body: '12345' });
  await gateway.request('POST', '/', { body: '1234' });
  assert.deepEqual(
    gateway.backendRequests.map(({ origin, body }) => `${origin === mirror} ${body.toString()}`).toSorted(),
    ['false 1234', 'false 12345', 'true 1234'],
  );
  assert.equal((await figures(gateway))['tooLarge'], 1);
});

test('a copy has what the backend gets, whatever is bound behind the mirror', async () => {
  const stripping = definePlugin({
    name: 'stripping',
    summary: 'Takes away what is for the gateway alone.',
    bind: () => ({
      backendSigning(outbound) {
        outbound.headers.delete('authorization');
        return undefined;
      },
    }),
  });
  const signing = definePlugin({
    name: 'signing',
    summary: 'Signs what is for the backend alone.',
    bind: () => ({
      backendSigning: {
        stage: 'sign',
        handle(outbound) {
          outbound.headers.set('x-signature', 's');
          return undefined;
        },
      },
    }),
  });
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': {
          request: { method: 'GET', path: '/' },
          auth: 'none',
          backend: { type: 'http', address: 'http://backend' },
        },
      },
      plugins: {
        signed: { type: 'signing' },
        copied: { type: 'mirror', config: { address: mirror } },
        stripped: { type: 'stripping' },
      },
      bindings: ['signed', 'copied', 'stripped'].map((name) => ({ plugin: name, apis: ['g/a'] })),
    },
    plugins: [plugin, stripping, signing],
    backends: { '*': () => reply(200) },
  });
  await gateway.request('GET', '/', { headers: { authorization: 'Basic YTpi' } });
  await until(() => copied(gateway).length === 1);
  const [copy] = copied(gateway);
  assert.deepEqual(
    [copy?.headers.get('authorization'), copy?.headers.get('x-signature')],
    [undefined, undefined],
  );
  const own = gateway.backendRequests.find(({ origin }) => origin !== mirror);
  assert.deepEqual([own?.headers.get('authorization'), own?.headers.get('x-signature')], [undefined, 's']);
});

test('no more copies are under way than may be, however many contents come to their end at once', async () => {
  const gateway = await start(
    { address: mirror, maxInFlight: 2 },
    () => new Promise<Reply>(() => undefined),
    'mirror',
  );
  await Promise.all(Array.from({ length: 5 }, () => gateway.request('POST', '/', { body: 'text' })));
  const { sent, dropped, inFlight } = await figures(gateway);
  assert.deepEqual([sent, dropped, inFlight], [2, 3, 2]);
});

suite('refused', () => {
  const yaml = (
    config: string,
    backend = "{ type: http, address: 'http://b' }",
  ) => `groups: { g: { domains: ['*'] } }
apis:
  g/a: { request: { method: GET, path: / }, auth: none, backend: ${backend} }
bindings: [{ plugin: m, apis: ['*'] }]
plugins:
  m:
    type: huawei/proxy_mirror
    config: ${config}
`;
  for (const [config, backend, wanted] of [
    ['{ protocol: HTTP, host: m }', '{ type: mock }', /:8:\d+ .*the backend of g\/a is a mock/],
    ['{ protocol: FTP, host: m }', undefined, /:8:25 .*protocol: found "FTP"; allowed: HTTP, HTTPS/],
    ['{ protocol: HTTP, host: m/x }', undefined, /:8:37 .*host: found "m\/x"; allowed: host:port/],
    ['{ protocol: HTTP, host: m, sample_ratio: 2 }', undefined, /sample_ratio: found 2/],
    ['{ protocol: HTTP, host: m, path: x }', undefined, /path: found "x"/],
    ['{ protocol: HTTP, host: "m:99999" }', undefined, /:8:\d+ .*found "http:\/\/m:99999"/],
    [
      '{ protocol: HTTP, host: m, timeouts: 5 }',
      undefined,
      /timeouts: unknown field; .*did you mean "timeout"/,
    ],
  ] as const) {
    test(config, async () => {
      await assert.rejects(testGateway({ config: yaml(config, backend), plugins: [plugin] }), wanted);
    });
  }
});
