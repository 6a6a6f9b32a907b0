import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyStream, type Exchange, Fields, type Hooks, Reply, definePlugin, refuse, reply } from '#sdk';
import { type MemoryBackend, type TestGateway, testGateway } from '#sdk/testing';

const config = (marker: number) => ({
  groups: { g: { domains: ['*'] } },
  apis: {
    'g/a': {
      request: { method: 'ANY', path: '/x', match: 'prefix' },
      auth: 'none',
      backend: { type: 'http', address: 'http://backend' },
    },
    [`g/b${marker}`]: {
      request: { method: 'GET', path: `/other${marker}` },
      auth: 'none',
      backend: { type: 'mock', body: '' },
    },
  },
  plugins: { one: { type: 'under-test' } },
  bindings: [{ plugin: 'one', apis: ['g/a'] }],
});

async function gatewayOf(
  serve: (exchange: Exchange) => Promise<Reply>,
  { backend, more = {}, disposed }: { backend?: MemoryBackend; more?: Hooks; disposed?: () => void } = {},
): Promise<TestGateway> {
  return testGateway({
    config: config(1),
    plugins: [
      definePlugin({
        name: 'under-test',
        summary: 'Answers by itself.',
        bind: () => ({ auth: { stage: 'serve', handle: serve }, dispose: () => disposed?.(), ...more }),
      }),
    ],
    ...(backend === undefined ? {} : { backends: { '*': backend } }),
  });
}

test('a handler asks the backend and answers with what came', async () => {
  const gateway = await gatewayOf((exchange) => exchange.callBackend(), {
    more: {
      backendSigning(outbound) {
        outbound.headers.set('x-signed', 'yes');
        return undefined;
      },
      response(inbound) {
        inbound.headers.set('x-source', inbound.source);
        return undefined;
      },
    },
  });
  const answer = await gateway.request('POST', '/x/y?a=1', { body: 'content', headers: { 'x-own': '1' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-source'), 'backend');
  const { method, url, headers, body } = answer.json() as Record<string, Record<string, string>>;
  assert.deepEqual([method, url, body], ['POST', '/x/y?a=1', 'content']);
  assert.deepEqual([headers?.['x-own'], headers?.['x-signed']], ['1', 'yes']);
  const [notice] = gateway.completed;
  assert.equal(notice?.answeredBy, undefined);
  assert.equal(typeof notice?.backendMs, 'number');
});

test("the fields given go instead of the request's own, which stay as they are", async () => {
  const gateway = await gatewayOf(async (exchange) => {
    const headers = exchange.headers.clone();
    headers.set('if-none-match', '"v1"');
    headers.delete('range');
    const answer = await exchange.callBackend({ headers });
    assert.equal(exchange.headers.get('range'), 'bytes=0-1');
    return answer;
  });
  await gateway.request('GET', '/x', { headers: { range: 'bytes=0-1' } });
  const [seen] = gateway.backendRequests;
  assert.equal(seen?.headers.get('if-none-match'), '"v1"');
  assert.equal(seen?.headers.get('range'), undefined);
});

test('a backend that fails is a refusal that the handler sees, and one of its hooks may refuse too', async () => {
  let given: Reply | undefined;
  const backend = (): Reply => refuse('backend-timeout');
  const gateway = await gatewayOf(
    async (exchange) => {
      given = await exchange.callBackend();
      return reply(200, {}, 'instead');
    },
    { backend },
  );
  assert.equal((await gateway.request('GET', '/x')).text, 'instead');
  assert.equal(given?.refusal?.kind, 'backend-timeout');
  assert.equal(gateway.completed[0]?.answeredBy?.plugin, 'under-test');

  const guarded = await gatewayOf((exchange) => exchange.callBackend(), {
    more: { backendRouting: { stage: 'guard', handle: () => refuse('circuit-open') } },
  });
  assert.equal((await guarded.request('GET', '/x')).status, 503);
});

test("a copy of the answer that says so counts as the backend's", async () => {
  const gateway = await gatewayOf(async (exchange) => {
    const { status, headers, body, isFromBackend } = await exchange.callBackend();
    const copy = new Reply(status, headers, body);
    copy.isFromBackend = isFromBackend;
    return copy;
  });
  await gateway.request('GET', '/x');
  assert.equal(gateway.completed[0]?.answeredBy, undefined);
});

test('a detached call goes on without the content, and holds its configuration until its answer ends', async () => {
  const log: string[] = [];
  let answerNow: (answer: Reply) => void = () => assert.fail('not asked');
  let detached: Promise<Reply> | undefined;
  const slow = new Promise<Reply>((resolve) => (answerNow = resolve));
  const gateway = await gatewayOf(
    async (exchange) => {
      detached = exchange.callBackend({ isDetached: true });
      return reply(200, {}, 'stale');
    },
    { backend: () => slow, disposed: () => log.push('disposed') },
  );
  const answer = await gateway.request('GET', '/x', { body: 'content' });
  assert.equal(answer.text, 'stale');
  assert.equal(gateway.completed[0]?.backendMs, undefined);
  await gateway.reload(config(2));
  assert.equal(log.length, 0);
  const body = new BodyStream();
  answerNow(new Reply(200, Fields.from({}), body));
  const fresh = await detached;
  assert.equal(log.length, 0);
  assert.ok(fresh?.body instanceof BodyStream);
  let text = '';
  fresh.body.pipe({
    data(chunk) {
      text += Buffer.from(chunk).toString();
      return true;
    },
    end: () => void log.push('end'),
    fail: () => void log.push('fail'),
  });
  body.push(Buffer.from('fresh'));
  body.end();
  assert.equal(text, 'fresh');
  assert.deepEqual(log, ['end', 'disposed']);
  assert.equal(gateway.backendRequests[0]?.body.length, 0);
});

test("a request of a plugin's own carries what the plugin says, and the way it came", async () => {
  const gateway = await testGateway({
    config: config(1),
    plugins: [
      definePlugin({
        name: 'under-test',
        summary: 'Asks a server of its own.',
        bind: (_config, kit) => {
          const target = kit.http.target('http://other:81');
          return {
            async preAuth(exchange) {
              const headers = Fields.from({ 'x-token': 't' });
              const parts = {
                method: 'PUT',
                path: '/check',
                rawQuery: 'q=1',
                headers,
                body: Buffer.from('b'),
              };
              const timeouts = { headersMs: 1000, bodyMs: 1000 };
              return target.send(kit.http.request(exchange, { ...parts, host: 'named' }), timeouts);
            },
          };
        },
      }),
    ],
  });
  await gateway.request('GET', '/x?secret=1', { headers: { cookie: 'c=1' }, body: 'mine' });
  const [seen] = gateway.backendRequests;
  assert.ok(seen);
  assert.deepEqual(
    [seen.method, seen.origin, seen.host, seen.path, seen.rawQuery, seen.body.toString()],
    ['PUT', 'http://other:81', 'named', '/check', 'q=1', 'b'],
  );
  assert.deepEqual(
    [...seen.headers].map(([name]) => name.toLowerCase()),
    ['x-token', 'via'],
  );
});

test('for a caller who has left already no backend is asked', async () => {
  const asked: unknown[] = [];
  const answered = Promise.withResolvers<Reply>();
  const gateway = await gatewayOf(
    (exchange) => {
      (exchange as unknown as { abort(): void }).abort();
      answered.resolve(exchange.callBackend());
      return answered.promise;
    },
    {
      backend: () => {
        asked.push(1);
        return reply(200);
      },
    },
  );
  // Nobody answers a caller who has left.
  void gateway.request('POST', '/x');
  assert.equal((await answered.promise).refusal?.kind, 'backend-unavailable');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(asked, []);
});
