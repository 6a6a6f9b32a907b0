import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyStream, Fields, type Hooks, Reply, definePlugin, reply } from '#sdk';
import { type Backend, httpBackend } from './support/backend.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { exchangeRaw, openRaw } from './support/raw-client.ts';
import { until } from './support/within.ts';

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A gateway whose one API has a plugin written without types. */
async function gatewayWith(hooks: Hooks, backend?: Backend): Promise<Running> {
  const clumsy = definePlugin({ name: 'clumsy', summary: 'Is written without types.', bind: () => hooks });
  const mock = {
    request: { method: 'ANY', path: '/', match: 'prefix' },
    auth: 'none',
    backend: { type: 'mock', body: 'hello' },
  };
  return startGateway(
    { 'main/all': backend === undefined ? mock : passTo(backend.port) },
    {
      plugins: [clumsy],
      root: { plugins: { p: { type: 'clumsy' } }, bindings: [{ plugin: 'p', apis: ['main/all'] }] },
    },
  );
}

const broken: Readonly<Record<string, () => unknown>> = {
  'fields that are no Fields': () => new Reply(200, { 'content-type': 'text/plain' } as never, 'x'),
  'no fields': () => new Reply(200, undefined as never, 'x'),
  'a refusal of no known kind': () => new Reply(403, new Fields(), null, { kind: 'nope' as never }),
  'a body that is an object': () => reply(200, {}, { a: 1 } as never),
  'a body that is a number': () => reply(200, {}, 5 as never),
  'no body at all': () => new Reply(200, new Fields(), undefined as never),
  'a field with a line feed': () => new Reply(200, new Fields(['x-a', 'a\r\nb: c']), 'x'),
  'a stream that was taken': () => {
    const stream = new BodyStream();
    stream.pipe({ data: () => true, end: () => undefined, fail: () => undefined });
    return reply(200, {}, stream);
  },
};

for (const [what, make] of Object.entries(broken)) {
  for (const isAsync of [false, true]) {
    test(`an answer with ${what} is a 500 (${isAsync ? 'async' : 'sync'})`, async () => {
      const handle = (isAsync ? async () => make() : make) as () => Reply;
      await using running = await gatewayWith({ preAuth: handle });
      assert.equal((await exchangeRaw(running.port, get)).status, 500);
      await until(() => running.completed.length === 1, 'completed');
      assert.equal(running.log.length, 1);
    });
  }
}

const spoiled: Readonly<Record<string, NonNullable<Hooks['response']>>> = {
  'a body that is an object': (inbound) => {
    inbound.setBody({ a: 1 } as never);
    return undefined;
  },
  'a body that is a list': (inbound) => {
    inbound.setBody([1, 2, 3] as never);
    return undefined;
  },
  'no status': (inbound) => {
    inbound.status = undefined as never;
    return undefined;
  },
  'fields that are no Fields': (inbound) => {
    (inbound as { headers: unknown }).headers = { a: 'b' };
    return undefined;
  },
};

for (const [what, handle] of Object.entries(spoiled)) {
  test(`an answer that is given ${what} is a 500`, async () => {
    await using running = await gatewayWith({ response: handle });
    assert.equal((await exchangeRaw(running.port, get)).status, 500);
    await until(() => running.completed.length === 1, 'completed');
  });
}

test('a listener for the end of a caller that throws or rejects ends nothing else', async () => {
  const heard: string[] = [];
  let isRunning = false;
  await using running = await gatewayWith({
    preAuth(exchange) {
      exchange.onAbort(() => {
        throw new Error('clumsy');
      });
      const rejecting: () => unknown = () => Promise.reject(new Error('clumsy too'));
      exchange.onAbort(rejecting);
      exchange.onAbort(() => heard.push('told'));
      isRunning = true;
      return new Promise(() => undefined);
    },
  });
  const client = await openRaw(running.port);
  client.send(get);
  await until(() => isRunning, 'the handler runs');
  client.socket.destroy();
  await until(() => running.completed.length === 1, 'completed');
  assert.deepEqual(heard, ['told']);
  await until(() => running.log.length === 2, 'both are in the log');
});

test('a stream whose producer throws breaks off that answer only', async () => {
  await using running = await gatewayWith({
    preAuth: () => {
      const stream = new BodyStream({
        cancel() {
          throw new Error('clumsy');
        },
      });
      stream.push(Buffer.from('a'));
      return reply(200, {}, stream);
    },
  });
  const client = await openRaw(running.port);
  client.send(get);
  await client.head();
  client.socket.destroy();
  await until(() => running.completed.length === 1, 'completed');
});

const injected = 'a\r\nX-Injected: 1';

/** What a plugin may put a line end into on the way to a backend. */
const injections: Readonly<Record<string, Hooks>> = {
  "the caller's fields": {
    preAuth: ({ headers }) => {
      headers.flat.push('X-Bad', injected);
      return undefined;
    },
  },
  "the backend's fields": {
    backendSigning: ({ headers }) => {
      headers.flat.push('X-Bad', injected);
      return undefined;
    },
  },
  'fields in place of those': {
    backendSigning: ({ headers }) => {
      headers.flat = [...headers.flat, 'X-Bad', injected];
      return undefined;
    },
  },
  'the host': {
    backendSigning: (outbound) => {
      outbound.host = injected;
      return undefined;
    },
  },
  'fields of a request that has none': {
    preAuth: (exchange) => {
      Object.assign(exchange, { headers: { flat: ['X-Bad', injected] } });
      return undefined;
    },
  },
};

for (const [what, hooks] of Object.entries(injections)) {
  test(`a line end in ${what} reaches no backend`, async () => {
    await using backend = await httpBackend();
    await using running = await gatewayWith(hooks, backend);
    const answer = await exchangeRaw(running.port, get);
    assert.ok(answer.status === 400 || answer.status === 500, `${answer.status}`);
    assert.equal(answer.get('x-injected'), undefined);
    assert.equal(backend.seen.length, 0);
  });
}

/** Members of an exchange that a plugin without types may set, and that are sent. */
const ofGateway = ['clientAddress', 'host', 'requestId', 'scheme'] as const;

test('what the gateway says of a request is what it knows of it, whatever a plugin makes of that', async () => {
  await using backend = await httpBackend();
  const hooks: Hooks = {
    preAuth(exchange) {
      Object.assign(exchange, Object.fromEntries(ofGateway.map((name) => [name, injected])));
      Object.defineProperty(exchange, 'port', { value: injected });
      exchange.headers.get = () => injected;
      return undefined;
    },
  };
  await using running = await gatewayWith(hooks, backend);
  const answer = await exchangeRaw(running.port, get);
  assert.equal(answer.status, 200);
  const [seen] = backend.seen;
  assert.ok(seen !== undefined);
  assert.deepEqual(seen.values('x-injected'), []);
  assert.deepEqual(
    ['for', 'proto', 'host', 'port'].flatMap((name) => seen.values(`x-forwarded-${name}`)),
    ['127.0.0.1', 'http', 'a', String(running.port)],
  );
  assert.deepEqual(seen.values('x-request-id'), answer.getAll('x-request-id'));
});

/** Another text for who puts it behind one than for who checks it. */
const changing = { toString: () => 'a', valueOf: () => injected } as unknown as string;

/** A plain request, and one that is Node's to read and answer. */
const requests = { plain: get, other: get.replace('\r\n\r\n', '\r\nConnection: close, x-a\r\n\r\n') };

for (const [kind, request] of Object.entries(requests)) {
  test(`what is no text is sent as the text that was checked (${kind})`, async () => {
    await using backend = await httpBackend();
    const hooks: Hooks = {
      preAuth({ headers }) {
        headers.flat.push('X-Odd', changing);
        return undefined;
      },
      response({ headers }) {
        headers.flat.push('X-Odd', changing, 'X-Count', 5 as never);
        return undefined;
      },
    };
    await using running = await gatewayWith(hooks, backend);
    const answer = await exchangeRaw(running.port, request);
    const told = ['x-odd', 'x-count', 'x-injected'].map((name) => answer.get(name));
    assert.deepEqual(told, ['a', '5', undefined]);
    assert.deepEqual(backend.seen[0]?.values('x-odd'), ['a']);
    assert.deepEqual(backend.seen[0]?.values('x-injected'), []);
  });

  test(`what is no text is sent as the text that was checked in trailers too (${kind})`, async () => {
    await using running = await gatewayWith({
      preAuth() {
        const stream = new BodyStream();
        stream.push(Buffer.from('x'));
        stream.end(new Fields(['X-Odd', changing]));
        return reply(200, {}, stream);
      },
    });
    const answer = await exchangeRaw(running.port, request);
    assert.deepEqual([answer.text, answer.trailers], ['x', [['X-Odd', 'a']]]);
  });
}
