import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Functions, type HandlerTiming, type IsolatesState, definePlugin, offer, refuse, reply } from '#sdk';
import { type GatewayTest, VirtualClock, testGateway } from '#sdk/testing';
import { scrape } from './testing.ts';

const api = (path: string, fields: object = {}) => ({
  request: { method: 'ANY', path },
  auth: 'none',
  backend: { type: 'http', address: 'http://backend' },
  ...fields,
});

const base = {
  management: { port: 0 },
  metrics: { process: false },
  throttling: { defaultPerSecond: 0 },
  groups: { g: { domains: ['g'] } },
  apis: { 'g/a': api('/a'), 'g/mock': api('/mock', { backend: { type: 'mock', status: 302 } }) },
};

const start = (config: object = {}, rest: Partial<GatewayTest> = {}) =>
  testGateway({ config: { ...base, ...config }, ...rest });

test('answers are counted by API and class, with what they carried and how long they took', async () => {
  const gateway = await start({}, { backends: { '*': () => reply(201, {}, 'seven..') } });
  for (let turn = 0; turn < 3; turn += 1) await gateway.request('POST', 'http://g/a', { body: '12345' });
  await gateway.request('GET', 'http://g/mock');
  const told = await scrape(gateway);
  const a = { api: 'g/a', environment: 'RELEASE' };
  const mock = { ...a, api: 'g/mock' };
  assert.equal(told.value('tapgate_requests_total', { ...a, class: '2xx' }), 3);
  assert.equal(told.value('tapgate_requests_total', { ...mock, class: '3xx' }), 1);
  assert.equal(told.total('tapgate_requests_total'), 4);
  assert.equal(told.value('tapgate_received_bytes_total', a), 15);
  assert.equal(told.value('tapgate_sent_bytes_total', a), 21);
  assert.equal(told.value('tapgate_request_duration_seconds_count', a), 3);
  assert.equal(told.value('tapgate_request_duration_seconds_bucket', { ...a, le: '+Inf' }), 3);
  assert.equal(told.value('tapgate_backend_duration_seconds_count', a), 3);
  assert.equal(told.value('tapgate_backend_duration_seconds_count', mock), undefined);
  assert.deepEqual(told.all('tapgate_unfinished_total'), []);
  assert.equal(told.value('tapgate_published_apis'), 2);
  assert.equal(told.types.get('tapgate_request_duration_seconds'), 'histogram');
});

test('a histogram is cumulative, and its sum is that of the durations', async () => {
  const gateway = await start();
  for (let turn = 0; turn < 20; turn += 1) await gateway.request('GET', 'http://g/a');
  const told = await scrape(gateway);
  const buckets = told.all('tapgate_request_duration_seconds_bucket', { api: 'g/a' });
  assert.ok(buckets.length > 10);
  const durations = gateway.completed.map(({ durationMs }) => durationMs / 1000);
  for (const { labels, value } of buckets) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    assert.equal(value, durations.filter((each) => each <= bound).length, `le ${labels['le']}`);
  }
  const sum = told.value('tapgate_request_duration_seconds_sum', { api: 'g/a' }) ?? 0;
  assert.ok(Math.abs(sum - durations.reduce((total, each) => total + each, 0)) < 1e-9);
});

test('what finds no API is counted as none, and refusals by their kind', async () => {
  const refuses = definePlugin({
    name: 'refuses',
    summary: 'Refuses.',
    bind: () => ({ preAuth: () => refuse('throttled') }),
  });
  const gateway = await start(
    { plugins: { r: { type: 'refuses' } }, bindings: [{ plugin: 'r', apis: ['g/a'] }] },
    { plugins: [refuses] },
  );
  await gateway.request('GET', 'http://g/a');
  await gateway.request('GET', 'http://g/a');
  await gateway.request('GET', 'http://g/nothing');
  await gateway.request('GET', 'http://nobody/');
  const told = await scrape(gateway);
  assert.equal(told.value('tapgate_requests_total', { api: 'g/a', class: '4xx' }), 2);
  assert.equal(told.value('tapgate_requests_total', { api: 'none', class: '4xx' }), 2);
  assert.deepEqual(
    told.all('tapgate_refusals_total').map(({ labels, value }) => [labels['kind'], value]),
    [
      ['not-found', 2],
      ['throttled', 2],
    ],
  );
});

test('requests under way are told, those on an earlier configuration too', async () => {
  const held: (() => void)[] = [];
  const gateway = await start(
    {},
    { backends: { '*': () => new Promise((resolve) => held.push(() => resolve(reply(200)))) } },
  );
  const running = [gateway.request('GET', 'http://g/a'), gateway.request('GET', 'http://g/a')];
  while (held.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await scrape(gateway)).value('tapgate_requests_in_flight'), 2);
  await gateway.reload(base);
  assert.equal((await scrape(gateway)).value('tapgate_requests_in_flight'), 2);
  for (const release of held) release();
  await Promise.all(running);
  const told = await scrape(gateway);
  assert.equal(told.value('tapgate_requests_in_flight'), 0);
  assert.equal(told.value('tapgate_requests_total', { api: 'g/a', class: '2xx' }), 2);
});

test('5,000 APIs have as many labels as they may, whatever is called', async () => {
  const apis = Object.fromEntries(
    Array.from({ length: 5000 }, (_, index) => [
      `g/api-${index}`,
      api(`/${index}`, { backend: { type: 'mock' } }),
    ]),
  );
  const gateway = await start({ apis, metrics: { process: false, maxNames: 7 } });
  for (let index = 0; index < 5000; index += 1) await gateway.request('GET', `http://g/${index}`);
  const told = await scrape(gateway);
  const names = new Set(told.series.flatMap(({ labels }) => labels['api'] ?? []));
  assert.deepEqual(
    [...names].sort(),
    ['other', ...Array.from({ length: 7 }, (_, index) => `g/api-${index}`)].sort(),
  );
  assert.equal(told.value('tapgate_requests_total', { api: 'other' }), 4993);
  assert.equal(told.total('tapgate_requests_total'), 5000);
  assert.ok(told.series.length < 300, `${told.series.length} series`);
});

test('what callers send is in no label, and odd methods and statuses make none', async () => {
  const gateway = await start({}, { backends: { '*': () => reply(599, {}, 'x') } });
  const odd = 'M-SECRET"} 1\n';
  for (const method of ['GET', 'SECRETMETHOD', odd])
    await gateway.request(method, 'http://g/a?token=SECRET', {
      headers: { authorization: 'SECRET', 'x-api-key': 'SECRET', cookie: 'a=SECRET' },
    });
  await gateway.request('GET', 'http://SECRET.example/SECRET');
  const told = await scrape(gateway);
  assert.doesNotMatch(told.text, /secret/i);
  const classes = told.all('tapgate_requests_total').map(({ labels }) => labels['class']);
  assert.deepEqual(new Set(classes), new Set(['4xx', '5xx']));
  assert.equal(told.total('tapgate_requests_total'), 4);
});

test('an odd name of an API is one label, read back as it was', async () => {
  const name = 'g/a"} 1\\n#';
  const gateway = await start({ apis: { [name]: api('/a') } });
  await gateway.request('GET', 'http://g/a');
  assert.equal((await scrape(gateway)).value('tapgate_requests_total', { api: name }), 1);
});

test('counts survive reloads, and an API keeps its name when others come before it', async () => {
  const metrics = { process: false, maxNames: 1 };
  const gateway = await start({ metrics, apis: { 'g/a': api('/a') } });
  await gateway.request('GET', 'http://g/a');
  await gateway.reload({ ...base, metrics, apis: { 'g/first': api('/first'), 'g/a': api('/a') } });
  await gateway.request('GET', 'http://g/a');
  await gateway.request('GET', 'http://g/first');
  const told = await scrape(gateway);
  assert.equal(told.value('tapgate_requests_total', { api: 'g/a' }), 2);
  assert.equal(told.value('tapgate_requests_total', { api: 'other' }), 1);
});

test('a configuration that is refused leaves nothing behind', async () => {
  const gateway = await start();
  await gateway.request('GET', 'http://g/a');
  const bad = { 'g/a': api('/a'), 'g/new': api('/new'), 'g/bad': api('/bad', { auth: 'nonsense' }) };
  await assert.rejects(gateway.reload({ ...base, apis: bad }), /nonsense/);
  await gateway.request('GET', 'http://g/a');
  const told = await scrape(gateway);
  assert.equal(told.value('tapgate_requests_total', { api: 'g/a' }), 2);
});

test('over 1,000 reloads with other names memory and labels stay bounded; what is gone is told for a while', async () => {
  const clock = new VirtualClock();
  const metrics = { process: false, maxNames: 3 };
  const configOf = (round: number) => ({
    ...base,
    metrics,
    apis: Object.fromEntries(
      Array.from({ length: 3 }, (_, index) => [
        `g/api-${round}-${index}`,
        api(`/${index}`, { backend: { type: 'mock' } }),
      ]),
    ),
  });
  const gateway = await testGateway({ config: configOf(0), clock });
  for (let round = 1; round <= 1000; round += 1) {
    for (let index = 0; index < 3; index += 1) await gateway.request('GET', `http://g/${index}`);
    await gateway.reload(configOf(round));
    if (round % 100 !== 0) continue;
    const told = await scrape(gateway);
    const names = new Set(told.all('tapgate_requests_total').map(({ labels }) => labels['api']));
    assert.deepEqual(names, new Set([0, 1, 2].map((index) => `g/api-${round - 1}-${index}`)));
    assert.equal(told.total('tapgate_requests_total'), 3);
  }
  clock.advance(10 * 60_000);
  assert.equal((await scrape(gateway)).total('tapgate_requests_total'), 0);
});

test('handlers are timed as often as asked, by plugin and hook, and their answers are what they were', async () => {
  const slow = definePlugin({
    name: 'slow',
    summary: 'Takes its time.',
    bind: () => ({
      async preAuth() {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return undefined;
      },
      backendSigning: () => {
        throw refuse('access-denied');
      },
      finish: (inbound) => inbound.headers.set('x-finished', 'yes'),
    }),
  });
  const bound = { plugins: { s: { type: 'slow' } }, bindings: [{ plugin: 's', apis: ['g/a'] }] };
  for (const [timedCalls, calls] of [
    [1, 4],
    [2, 2],
    [0, undefined],
  ] as const) {
    const gateway = await start({ ...bound, metrics: { process: false, timedCalls } }, { plugins: [slow] });
    for (let turn = 0; turn < 4; turn += 1) {
      const answer = await gateway.request('GET', 'http://g/a');
      assert.deepEqual([answer.status, answer.headers.get('x-finished')], [403, 'yes']);
    }
    const told = await scrape(gateway);
    for (const hook of ['preAuth', 'backendSigning', 'finish'])
      assert.equal(
        told.value('tapgate_plugin_duration_seconds_count', { plugin: 'slow', hook }),
        calls,
        hook,
      );
    const seconds = told.value('tapgate_plugin_duration_seconds_sum', { plugin: 'slow', hook: 'preAuth' });
    assert.equal((seconds ?? 0) >= 0.015 * (calls ?? 0), true);
    assert.equal(told.all('tapgate_plugin_duration_seconds_count').length > 0, timedCalls > 0);
  }
});

test('who times handlers does not decide about requests', async () => {
  const timing: HandlerTiming = {
    every: 1,
    record() {
      throw new Error('no');
    },
  };
  const watches = definePlugin({ name: 'watches', summary: 'Watches.', setup: () => ({ timing }) });
  const gateway = await start({}, { plugins: [watches] });
  assert.equal((await gateway.request('GET', 'http://g/a')).status, 200);
  assert.deepEqual(gateway.log, []);
});

test('members of channels are told by their health, and channels beyond the limit together', async () => {
  const members = [
    { address: '192.0.2.1', port: 1 },
    { address: '192.0.2.2', port: 2, enabled: false },
  ];
  const channels = { one: { members }, two: { members }, three: { members } };
  const gateway = await start({ channels, metrics: { process: false, maxNames: 1 } });
  const told = await scrape(gateway);
  const member = (channel: string, health: string) =>
    told.value('tapgate_channel_members', { channel, health });
  assert.deepEqual(
    [member('one', 'unknown'), member('one', 'disabled'), member('one', 'healthy')],
    [1, 1, 0],
  );
  assert.deepEqual([member('other', 'unknown'), member('other', 'disabled')], [2, 2]);
  assert.equal(member('two', 'unknown'), undefined);
  const { plugins } = JSON.parse((await gateway.manage('/status')).body) as {
    plugins: { channels: { channel: string; health: string }[] };
  };
  assert.deepEqual(
    plugins.channels.map(({ channel, health }) => `${channel} ${health}`),
    ['one', 'one', 'two', 'two', 'three', 'three'].map((channel) => `${channel} unknown`),
  );
});

test('isolates of functions are told, and those beyond the limit together', async () => {
  const figures = { busy: 1, idle: 2, waiting: 3, calls: 10, faults: { timeout: 4 } };
  const names = ['one', 'two', 'three'];
  const isolates = (): IsolatesState[] => names.map((name) => ({ function: name, ...figures }));
  const functions = definePlugin({
    name: 'functions',
    summary: 'Stands for the functions.',
    offers: [Functions],
    setup: () => ({ services: [offer(Functions, { names, byName: () => undefined, isolates })] }),
  });
  const gateway = await start({ metrics: { process: false, maxNames: 1 } }, { plugins: [functions] });
  const told = await scrape(gateway);
  for (const [name, times] of [
    ['one', 1],
    ['other', 2],
  ] as const) {
    const labels = { function: name };
    assert.equal(told.value('tapgate_isolates', { ...labels, state: 'busy' }), times);
    assert.equal(told.value('tapgate_isolates', { ...labels, state: 'waiting' }), 3 * times);
    assert.equal(told.value('tapgate_isolate_calls_total', labels), 10 * times);
    assert.equal(told.value('tapgate_isolate_faults_total', { ...labels, fault: 'timeout' }), 4 * times);
  }
  assert.equal(told.all('tapgate_isolate_calls_total').length, 2);
});

test('the process is told unless it is not to be', async () => {
  const gateway = await start({ metrics: {} });
  for (let turn = 0; turn < 2; turn += 1)
    assert.ok(((await scrape(gateway)).value('process_resident_memory_bytes') ?? 0) > 1e6);
  const other = await start();
  assert.equal((await scrape(other)).value('process_resident_memory_bytes'), undefined);
});

test('two gateways in one process do not share what they count', async () => {
  const [one, two] = [await start(), await start()];
  await one.request('GET', 'http://g/a');
  assert.equal((await scrape(one)).total('tapgate_requests_total'), 1);
  assert.equal((await scrape(two)).total('tapgate_requests_total'), 0);
});

test('the path is what the section says; without the section there is none', async () => {
  const gateway = await start({ metrics: { path: '/-/figures', process: false } });
  await scrape(gateway, '/-/figures');
  const { status, body } = await gateway.manage('/metrics');
  assert.equal(status, 404);
  assert.match(body, /\/healthz, \/readyz, \/status, (?:\S+, )*\/-\/figures$/m);
  await gateway.reload({ ...base, metrics: undefined });
  assert.equal((await gateway.manage('/-/figures')).status, 404);
  assert.equal((await gateway.request('GET', 'http://g/metrics')).status, 404);
});

test('a page that nothing would serve, and one of the gateway, refuse the configuration', async () => {
  await assert.rejects(start({ management: undefined }), /metrics: nothing serves \/metrics; `management/);
  await assert.rejects(
    start({ metrics: { path: '/healthz' } }),
    /metrics: the page \/healthz belongs to the gateway/,
  );
  const rival = definePlugin({
    name: 'rival',
    summary: 'Has the same page.',
    setup: () => ({
      management: { path: '/metrics', handle: () => ({ contentType: 'text/plain', body: '' }) },
    }),
  });
  await assert.rejects(
    start({}, { plugins: [rival] }),
    /rival: the page \/metrics belongs to the plugin "metrics" already/,
  );
  await assert.rejects(start({ metrics: { path: 'metrics' } }), /metrics\.path: .*a path of letters/);
});
