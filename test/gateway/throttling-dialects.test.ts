import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { type TestContext, suite, test } from 'node:test';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { until } from './support/within.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A gateway with one API that anybody may call, and a plug-in document as an operator pastes it. */
async function start(t: TestContext, type: string, document: string) {
  const indented = document.replaceAll('\n', '\n      ');
  const yaml = `listeners: [{ port: 0, host: 127.0.0.1 }]
groups: { shop: { domains: ['*'] } }
apis:
  shop/orders: { request: { method: GET, path: /orders }, auth: none, backend: { type: mock, body: served } }
plugins:
  limits:
    type: ${type}
    config:
      ${indented}
bindings: [{ plugin: limits, apis: [shop/orders] }]
`;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log });
  t.after(() => gateway.close());
  await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, {}), { listen: true });
  const port = gateway.listeners[0]?.port ?? 0;
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const call = (headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      get({ port, host: '127.0.0.1', path: '/orders', headers, agent }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      }).on('error', reject);
    });
  return { port, call };
}

const statuses = (answers: readonly Answer[]) =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);

suite('alibaba/trafficControl', () => {
  test('basic', async (t) => {
    const { call } = await start(
      t,
      'alibaba/trafficControl',
      `---
unit: DAY           # SECOND, MINUTE, HOUR, DAY
apiDefault: 3       # of all
userDefault: 3
appDefault: 1
specials: []`.replace('---\n', ''),
    );
    const answers = await Promise.all(Array.from({ length: 8 }, () => call()));
    assert.deepEqual(statuses(answers), [200, 200, 200, 429, 429, 429, 429, 429]);
    const refused = answers.find(({ status }) => status === 429);
    assert.match(refused?.body ?? '', /"APIG\.0308".*policy api over ratelimit,limit:3,time:1 day/);
    assert.ok(Number(refused?.headers['retry-after']) > 0);
  });

  test('seconds wait for the bucket, and are served no faster than it fills', async (t) => {
    const { call } = await start(t, 'alibaba/trafficControl', 'unit: SECOND\napiDefault: 20');
    const beganAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 30 }, () => call()));
    // Twenty at once; ten wait, the last of them for half a second.
    assert.deepEqual(new Set(statuses(answers)), new Set([200]));
    assert.ok(performance.now() - beganAt >= 490);
  });

  test('who goes away while it waits makes room for the next one', async (t) => {
    const { call, port } = await start(t, 'alibaba/trafficControl', 'unit: SECOND\napiDefault: 1');
    assert.equal((await call()).status, 200);
    // Of three there is place for one, who leaves as soon as the others were refused.
    const refused = new Set<number>();
    const callers = [0, 1, 2].map((index) =>
      get({ port, host: '127.0.0.1', path: '/orders' }, (response) => {
        refused.add(index);
        response.resume();
      }).on('error', () => undefined),
    );
    await until(() => refused.size >= 2, 'two have no place');
    for (const caller of callers) caller.destroy();
    let next: Answer | undefined;
    for (let turn = 0; next?.status !== 200 && turn < 5000; turn += 1) next = await call();
    assert.equal(next?.status, 200);
  });

  test('by parameters, with what Retry-After says', async (t) => {
    const { call } = await start(
      t,
      'alibaba/trafficControl',
      `scope: PLUGIN
blockingMode: QUICK_RETURN
defaultLimit: 1000
defaultPeriod: DAY
defaultRetryAfterBySecond: 60
parameters:
  tenant: "Header:X-Tenant"
rules:
  - name: perTenant
    byParameters: "tenant"
    bypassEmptyValue: false
    limit: 2
    period: DAY
    retryAfterBySecond: 30`,
    );
    const of = async (tenant: string) =>
      statuses(await Promise.all([1, 2, 3].map(() => call({ 'x-tenant': tenant }))));
    assert.deepEqual(await of('a'), [200, 200, 429]);
    assert.deepEqual(await of('b'), [200, 200, 429]);
    assert.equal((await call({ 'x-tenant': 'b' })).headers['retry-after'], '30');
  });
});

test('huawei/rate_limit, as JSON', async (t) => {
  const document =
    '{"scope":"basic","default_time_unit":"day","default_interval":1,"api_limit":100,"app_limit":50,"user_limit":50,"ip_limit":20,' +
    '"algorithm":"local","specials":[],' +
    '"parameters":[{"type":"header","name":"Host","value":"Host"}],' +
    '"rules":[{"rule_name":"r1","match_regex":"[\\"Host\\",\\"==\\",\\"www.abc.com\\"]","time_unit":"day","interval":1,"limit":5}]}';
  const { call } = await start(t, 'huawei/rate_limit', document);
  const named = await Promise.all(Array.from({ length: 8 }, () => call({ host: 'www.abc.com' })));
  assert.deepEqual(statuses(named), [200, 200, 200, 200, 200, 429, 429, 429]);
  const others = await Promise.all(Array.from({ length: 20 }, () => call()));
  assert.equal(statuses(others).filter((status) => status === 200).length, 15, 'the address has used 20');
});

test('a document that is wrong is refused with its line', async (t) => {
  const basic = 'unit: MINUTE\napiDefault: 5\nuserDefault: 6';
  await assert.rejects(
    start(t, 'alibaba/trafficControl', basic),
    /gateway\.yaml:11:20 plugins\.limits\.config\.userDefault: found 6; it must not exceed `apiDefault`, which is 5/,
  );
  const rule = `default_interval: 1\napi_limit: 5\nrules:\n  - { rule_name: a, match_regex: '["Hst","==","a"]', interval: 1, limit: 1 }`;
  await assert.rejects(
    start(t, 'huawei/rate_limit', rule),
    /gateway\.yaml:12:\d+ plugins\.limits\.config\.rules\[0\]\.match_regex: nothing is named "Hst"/,
  );
});
