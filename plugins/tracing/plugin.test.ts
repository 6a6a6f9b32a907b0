import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Reply, definePlugin, refuse, reply } from '#sdk';
import { type GatewayTest, testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';
import { FakeCollector, type SeenSpan, until } from './testing.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const nowhere = { endpoint: 'http://127.0.0.1:1' };

/** What the backend got for a request with these fields. */
async function passedOn(t: TestContext, headers: Record<string, string | string[]>, tracing: object = {}) {
  const gateway = await testPlugin(plugin, { root: { tracing: { ...nowhere, ...tracing } } });
  t.after(() => gateway.close());
  await gateway.request('GET', '/', { headers });
  const sent = gateway.backendRequests[0]?.headers;
  const [, traceId = '', spanId = '', flags = ''] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(sent?.combined('traceparent') ?? '') ?? [];
  return { traceId, spanId, flags, state: sent?.combined('tracestate') };
}

test('a request without a context begins a trace', async (t) => {
  const first = await passedOn(t, {});
  const second = await passedOn(t, {});
  for (const { traceId, spanId, flags, state } of [first, second]) {
    assert.equal(traceId.length, 32);
    assert.equal(spanId.length, 16);
    assert.deepEqual([flags, state], ['01', undefined]);
  }
  assert.notEqual(first.traceId, second.traceId);
});

test('a valid context is continued with a span of our own; tracestate stays as it is', async (t) => {
  const state = 'rojo=00f067aa0ba902b7, congo=t61rcWkgMzE';
  const got = await passedOn(t, { traceparent: `00-${trace}-${span}-01`, tracestate: state });
  assert.deepEqual([got.traceId, got.flags, got.state], [trace, '01', state]);
  assert.notEqual(got.spanId, span);
  assert.equal(got.spanId.length, 16);
});

test('a trace that is not sampled stays so, whatever the ratio; the caller remains the parent', async (t) => {
  const got = await passedOn(t, { traceparent: `00-${trace}-${span}-00`, tracestate: 'a=b' }, { ratio: 1 });
  assert.deepEqual(got, { traceId: trace, spanId: span, flags: '00', state: 'a=b' });
});

test('a caller that samples is followed, whatever the ratio; a trace of our own is not sampled then', async (t) => {
  const sampled = await passedOn(t, { traceparent: `00-${trace}-${span}-01` }, { ratio: 0 });
  assert.deepEqual([sampled.traceId, sampled.flags], [trace, '01']);
  const own = await passedOn(t, {}, { ratio: 0 });
  assert.equal(own.flags, '00');
  assert.equal(own.traceId.length, 32);
});

const flags: readonly (readonly [sent: string, passed: string])[] = [
  ['03', '03'],
  ['02', '02'],
  ['ff', '03'],
  ['fc', '00'],
];
for (const [sent, passed] of flags) {
  test(`flags ${sent} are passed on as ${passed}`, async (t) => {
    const got = await passedOn(t, { traceparent: `00-${trace}-${span}-${sent}` });
    assert.deepEqual([got.traceId, got.flags], [trace, passed]);
  });
}

test('a later version is read as far as this one goes', async (t) => {
  for (const text of [`cc-${trace}-${span}-01`, `01-${trace}-${span}-01-what-the-future-will-be-like`]) {
    const got = await passedOn(t, { traceparent: text, tracestate: 'a=b' });
    assert.deepEqual([got.traceId, got.flags, got.state], [trace, '01', 'a=b'], text);
  }
  const unsampled = await passedOn(t, { traceparent: `cc-${trace}-${span}-00` });
  assert.deepEqual([unsampled.traceId, unsampled.spanId, unsampled.flags], [trace, span, '00']);
});

const invalid: readonly (readonly [title: string, traceparent: string | string[]])[] = [
  ['version ff', `ff-${trace}-${span}-01`],
  ['more behind version 00', `00-${trace}-${span}-01-x`],
  ['something behind the flags of a later version', `cc-${trace}-${span}-01.what`],
  ['no trace', `00-${'0'.repeat(32)}-${span}-01`],
  ['no span', `00-${trace}-${'0'.repeat(16)}-01`],
  ['upper case', `00-${trace.toUpperCase()}-${span}-01`],
  ['a short trace', `00-${trace.slice(1)}-${span}-01`],
  ['a long span', `00-${trace}-${span}0-01`],
  ['short flags', `00-${trace}-${span}-1`],
  ['a short version', `0-${trace}-${span}-01`],
  ['no hexadecimal digit', `00-${trace.slice(1)}g-${span}-01`],
  ['blanks within', `00 ${trace} ${span} 01`],
  ['nothing', ''],
  ['two of them', [`00-${trace}-${span}-01`, `00-${trace}-${span}-01`]],
];
for (const [title, traceparent] of invalid) {
  test(`a context that cannot be understood begins a new trace, and its state is dropped: ${title}`, async (t) => {
    const got = await passedOn(t, { traceparent, tracestate: 'a=b' });
    assert.equal(got.traceId.length, 32);
    assert.notEqual(got.traceId, trace);
    assert.deepEqual([got.flags, got.state], ['01', undefined]);
  });
}

const members = (count: number): string =>
  Array.from({ length: count }, (_each, index) => `k${index}=v`).join(',');
const states: readonly (readonly [title: string, sent: string | string[], passed: string | undefined])[] = [
  ['32 members', members(32), members(32)],
  ['33 members', members(33), undefined],
  ['several lines', ['a=1', 'b=2,c=3'], 'a=1, b=2,c=3'],
  ['several lines with too many', [members(20), members(13)], undefined],
  ['empty members', 'a=1,,b=2, ', 'a=1,,b=2, '],
  ['nothing', '', undefined],
  ['a tenant', 'fw529a3039@dt=FfffffffffF', 'fw529a3039@dt=FfffffffffF'],
  ['a key of 256 characters', `${'k'.repeat(256)}=v`, `${'k'.repeat(256)}=v`],
  ['a key of 257 characters', `${'k'.repeat(257)}=v`, undefined],
  ['a value of 256 characters', `k=${'v'.repeat(256)}`, `k=${'v'.repeat(256)}`],
  ['a value of 257 characters', `k=${'v'.repeat(257)}`, undefined],
  ['a key in upper case', 'Key=v', undefined],
  ['no value', 'k=', undefined],
  ['no key', '=v', undefined],
  ['two values', 'k=v=w', undefined],
];
for (const [title, sent, passed] of states) {
  test(`tracestate, ${title}: ${passed === undefined ? 'dropped, the trace goes on' : 'passed on'}`, async (t) => {
    const got = await passedOn(t, { traceparent: `00-${trace}-${span}-01`, tracestate: sent });
    assert.deepEqual([got.traceId, got.flags], [trace, '01']);
    // The same, however many lines it stands in.
    assert.equal(got.state?.trim(), passed?.trim());
  });
}

test('the ratio holds, and what is passed on is what is told', async (t) => {
  const root = {
    throttling: { defaultPerSecond: 0 },
    tracing: { ...nowhere, ratio: 0.25, queue: 1 },
  };
  const gateway = await testPlugin(plugin, { root });
  t.after(() => gateway.close());
  for (let turn = 0; turn < 2000; turn += 1) await gateway.request('GET', '/');
  const sent = gateway.backendRequests.map(({ headers }) => headers.get('traceparent') ?? '');
  const sampled = sent.filter((text) => text.endsWith('-01')).length;
  // Eight standard deviations.
  assert.ok(sampled > 345 && sampled < 655, `${sampled} of 2000`);
  const { body } = await gateway.manage('/status');
  const status = JSON.parse(body) as { plugins: { tracing: { dropped: number; queued: number } } };
  const { dropped } = status.plugins.tracing;
  assert.ok(dropped > sampled && dropped <= 2 * sampled, `${dropped} of ${sampled} sampled requests`);
});

test('without the section nothing is bound, and what the caller sent goes on', async (t) => {
  const gateway = await testPlugin(plugin, {});
  t.after(() => gateway.close());
  const traceparent = `00-${trace}-${span}-01`;
  await gateway.request('GET', '/', { headers: { traceparent, tracestate: 'a=b' } });
  assert.equal(gateway.backendRequests[0]?.headers.get('traceparent'), traceparent);
  assert.equal(gateway.backendRequests[0]?.headers.get('tracestate'), 'a=b');
  const { plugins } = JSON.parse((await gateway.manage('/status')).body) as { plugins: object };
  assert.ok(!('tracing' in plugins));
});

const base = {
  groups: { g: { domains: ['g.example'] } },
  throttling: { defaultPerSecond: 0 },
  apis: {
    'g/order': {
      request: { method: 'ANY', path: '/orders/{id}' },
      auth: 'none',
      backend: { type: 'http', address: 'http://orders:8080', path: '/v1/{id}' },
    },
    'g/files': {
      request: { method: 'ANY', path: '/files', match: 'prefix' },
      auth: 'none',
      backend: { type: 'http', address: 'https://files' },
    },
    'g/mock': {
      request: { method: 'GET', path: '/mock' },
      auth: 'none',
      backend: { type: 'mock', body: 'x' },
    },
    'g/app': {
      request: { method: 'GET', path: '/app' },
      auth: 'app',
      backend: { type: 'http', address: 'http://orders:8080' },
    },
    'g/self': {
      request: { method: 'GET', path: '/self/{id}' },
      auth: 'none',
      backend: { type: 'http', address: 'http://g.example', path: '/orders/{id}' },
    },
  },
};

/** A gateway that tells a collector of its requests. */
async function observed(t: TestContext, more: object = {}, rest: Partial<GatewayTest> = {}) {
  const collector = await FakeCollector.start(t);
  const tracing = { endpoint: collector.url, delayMs: 1, ...more };
  const gateway = await testGateway({ config: { ...base, tracing }, ...rest });
  t.after(() => gateway.close());
  const told = async (count: number): Promise<readonly SeenSpan[]> => {
    await until(() => collector.spans.length >= count, `${count} spans came, not ${collector.spans.length}`);
    return collector.spans;
  };
  const one = async (kind: number): Promise<SeenSpan> => {
    const found = collector.spans.find((each) => each.kind === kind);
    return found ?? assert.fail(`there is no span of kind ${kind}`);
  };
  return { gateway, collector, told, one };
}

test('a request is a span, and its backend call one within it', async (t) => {
  const { gateway, collector, told, one } = await observed(t);
  const answer = await gateway.request('GET', 'http://g.example/orders/7?token=hidden', {
    headers: { traceparent: `00-${trace}-${span}-01`, tracestate: 'a=b', authorization: 'hidden' },
    clientAddress: '192.0.2.7',
  });
  assert.equal((await told(2)).length, 2);
  const [server, client] = [await one(2), await one(3)];
  assert.deepEqual([server.traceId, server.parentSpanId, server.traceState], [trace, span, 'a=b']);
  assert.deepEqual([client.traceId, client.parentSpanId], [trace, server.spanId]);
  assert.equal(
    gateway.backendRequests[0]?.headers.get('traceparent'),
    `00-${trace}-${client.spanId}-01`,
    'what the backend calls its parent',
  );
  assert.deepEqual([server.name, client.name], ['GET /orders/{id}', 'GET']);
  assert.deepEqual(server.attributes, {
    'http.request.method': 'GET',
    'http.route': '/orders/{id}',
    'http.response.status_code': 200,
    'url.scheme': 'http',
    'url.path': '/orders/7',
    'server.address': 'g.example',
    'server.port': 80,
    'client.address': '192.0.2.7',
    'network.protocol.version': '1.1',
    'tapgate.request_id': answer.headers.get('x-request-id'),
    'tapgate.api': 'g/order',
    'tapgate.environment': 'RELEASE',
  });
  assert.deepEqual(client.attributes, {
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'url.scheme': 'http',
    'url.full': 'http://orders:8080/v1/7',
    'server.address': 'orders',
    'server.port': 8080,
  });
  assert.deepEqual([server.isError, client.isError], [false, false]);
  assert.ok(server.startMs <= server.endMs && client.startMs <= client.endMs);
  assert.ok(client.startMs >= server.startMs - 1 && client.endMs <= server.endMs, 'it lies within');
  assert.doesNotMatch(Buffer.concat(collector.requests.map(({ body }) => body)).toString(), /hidden/);
  assert.equal(collector.requests[0]?.url, '/v1/traces');
  const { 'service.instance.id': instance, ...resource } = collector.resource;
  assert.deepEqual(resource, { 'service.name': 'tapgate' });
  assert.match(String(instance), /^[0-9a-f-]{36}$/);
});

test('query parameters are shown that are named, and no others', async (t) => {
  const { gateway, collector, told, one } = await observed(t, { query: ['page', 'size'] });
  await gateway.request('GET', 'http://g.example/orders/7?page=2&token=hidden&size=a%20b&page=3');
  await told(2);
  assert.equal((await one(2)).attributes['url.query'], 'page=2&size=a%20b&page=3');
  assert.doesNotMatch(Buffer.concat(collector.requests.map(({ body }) => body)).toString(), /hidden/);
});

test('a mock is no call; a prefix is a route; a request without an API has no route', async (t) => {
  const { gateway, told } = await observed(t);
  await gateway.request('GET', 'http://g.example/mock');
  await gateway.request('PUT', 'http://g.example/files/a/b');
  await gateway.request('GET', 'http://g.example/nothing');
  const spans = await told(4);
  assert.deepEqual(spans.map(({ name, kind }) => `${kind} ${name}`).toSorted(), [
    '2 GET',
    '2 GET /mock',
    '2 PUT /files/*',
    '3 PUT',
  ]);
  const missed = spans.find(({ name, kind }) => name === 'GET' && kind === 2);
  assert.deepEqual(
    [missed?.attributes['tapgate.refusal'], missed?.attributes['http.response.status_code'], missed?.isError],
    ['not-found', 404, false],
  );
});

test('a refusal is told by its kind; the mistake of a caller is no error', async (t) => {
  const { gateway, told } = await observed(t);
  await gateway.request('GET', 'http://g.example/app');
  const [refused] = await told(1);
  assert.equal(refused?.kind, 2);
  assert.equal(refused?.attributes['http.response.status_code'], 401);
  assert.match(String(refused?.attributes['tapgate.refusal']), /^(?:app-auth-missing|not-authenticated)$/);
  assert.equal(refused?.attributes['tapgate.answered_by'], 'auth-app');
  assert.deepEqual([refused?.isError, refused?.attributes['error.type']], [false, undefined]);
});

test('a backend that cannot be reached is an error of both', async (t) => {
  const { gateway, told, one } = await observed(t, {}, { backends: {} });
  await gateway.request('GET', 'http://g.example/orders/7');
  await told(2);
  for (const each of [await one(2), await one(3)]) {
    assert.equal(each.isError, true);
    assert.equal(each.attributes['error.type'], 'backend-unavailable');
  }
  assert.equal((await one(3)).attributes['http.response.status_code'], undefined);
});

test('the status of a backend is its own, whatever the gateway makes of it', async (t) => {
  const softener = definePlugin({
    name: 'softener',
    summary: 'Makes an answer of a failure.',
    bindRest: () => ({
      response(inbound) {
        inbound.status = 200;
        return undefined;
      },
    }),
  });
  const backends = { '*': (): Reply => reply(404, {}, 'no') };
  const { gateway, told, one } = await observed(t, {}, { backends, plugins: [softener] });
  await gateway.request('GET', 'http://g.example/orders/7');
  await told(2);
  const [server, client] = [await one(2), await one(3)];
  assert.deepEqual([server.attributes['http.response.status_code'], server.isError], [200, false]);
  assert.deepEqual(
    [client.attributes['http.response.status_code'], client.attributes['error.type'], client.isError],
    [404, '404', true],
  );
});

test('a call that a later plugin prevents is none', async (t) => {
  const gate = definePlugin({
    name: 'gate',
    summary: 'Lets nothing out.',
    bindRest: () => ({ backendSigning: () => refuse('access-denied') }),
  });
  const { gateway, told } = await observed(t, {}, { plugins: [gate] });
  await gateway.request('GET', 'http://g.example/orders/7');
  await gateway.request('GET', 'http://g.example/mock');
  const spans = await told(2);
  assert.deepEqual(new Set(spans.map(({ kind }) => kind)), new Set([2]));
});

test('a plugin that asks the backend itself: the call belongs to the request', async (t) => {
  const asker = definePlugin({
    name: 'asker',
    summary: 'Asks twice.',
    bindRest: () => ({
      auth: {
        stage: 'serve',
        async handle(exchange) {
          await exchange.callBackend();
          return exchange.callBackend();
        },
      },
    }),
  });
  const { gateway, told, one } = await observed(t, {}, { plugins: [asker] });
  await gateway.request('GET', 'http://g.example/orders/7');
  assert.equal((await told(2)).length, 2);
  const [server, client] = [await one(2), await one(3)];
  assert.deepEqual([client.traceId, client.parentSpanId], [server.traceId, server.spanId]);
  const sent = gateway.backendRequests.map(({ headers }) => headers.get('traceparent')?.split('-') ?? []);
  assert.deepEqual(
    sent.map(([, traceId]) => traceId),
    [server.traceId, server.traceId],
  );
  assert.equal(sent[1]?.[2], client.spanId);
  assert.equal(server.attributes['tapgate.answered_by'], undefined, 'the backend answered');
});

test('a call of the gateway to itself continues the trace', async (t) => {
  const { gateway, told } = await observed(t);
  await gateway.request('GET', 'http://g.example/self/7');
  const spans = await told(4);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  const find = (name: string, kind: number, parent?: SeenSpan): SeenSpan =>
    spans.find((each) => each.name === name && each.kind === kind && each.parentSpanId === parent?.spanId) ??
    assert.fail(`${name} is missing in ${JSON.stringify(spans)}`);
  const outer = find('GET /self/{id}', 2);
  const call = find('GET', 3, outer);
  const inner = find('GET /orders/{id}', 2, call);
  const last = find('GET', 3, inner);
  assert.equal(last.attributes['url.full'], 'http://orders:8080/v1/7');
});

test('methods that a caller made up name no span', async (t) => {
  const { gateway, told, one } = await observed(t);
  await gateway.request('BREW', 'http://g.example/orders/7');
  await told(2);
  const { name, attributes } = await one(2);
  assert.equal(name, 'HTTP /orders/{id}');
  assert.deepEqual(
    [attributes['http.request.method'], attributes['http.request.method_original']],
    ['_OTHER', 'BREW'],
  );
});

const wrong: readonly (readonly [title: string, section: object, expected: RegExp])[] = [
  ['no endpoint', {}, /tracing: .*endpoint/],
  ['an endpoint with a password', { endpoint: 'http://a:hunter2@b' }, /tracing\.endpoint/],
  ['an endpoint that is no address', { endpoint: 'collector:4318' }, /tracing\.endpoint/],
  ['a ratio above 1', { ...nowhere, ratio: 1.5 }, /tracing\.ratio: .*1\.5/],
  ['an unknown option', { ...nowhere, sampler: 1 }, /tracing\.sampler: unknown field/],
  ['a header that is none', { ...nowhere, headers: { 'a b': 'x' } }, /tracing\.headers/],
  ['a header with a line break', { ...nowhere, headers: { a: 'hunter2\n' } }, /tracing\.headers\.a/],
  ['a header of ours', { ...nowhere, headers: { 'Content-Type': 'x' } }, /tracing\.headers\.Content-Type/],
  ['a file with no certificate', { ...nowhere, ca: import.meta.filename }, /tracing\.ca: .*cannot be used/],
  ['a file that is not there', { ...nowhere, ca: '/no/such.pem' }, /tracing\.ca: the file cannot be read/],
];
for (const [title, section, expected] of wrong) {
  test(`refused: ${title}`, async () => {
    const refused = testGateway({ config: { ...base, tracing: section } });
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });
}
