import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Exchange, type Hooks, Reply, definePlugin, refuse, reply } from '#sdk';
import { type MemoryBackend, type TestGateway, testGateway } from '#sdk/testing';

/** A plugin that is nothing but these hooks. */
function plugin(name: string, hooks: Hooks) {
  return definePlugin({ name, summary: 'Is under test.', bind: () => hooks });
}

interface Setup {
  readonly backend?: MemoryBackend;
  readonly auth?: string;
  readonly request?: string;
}

/** A gateway with one API and the plugins bound to it in this order. */
function gatewayWith(plugins: readonly ReturnType<typeof plugin>[], setup: Setup = {}): Promise<TestGateway> {
  const { backend, auth = 'none', request = '' } = setup;
  const bound = plugins.filter(({ name }) => !name.startsWith('auth-'));
  const config = `
groups:
  shop: { domains: ['*'] }
apis:
  shop/orders:
    request: { method: ANY, path: /, match: prefix ${request} }
    auth: ${auth}
    backend: { type: http, address: http://orders:8080 }
plugins: { ${bound.map(({ name }) => `my-${name}: { type: ${name} }`).join(', ')} }
bindings:
${bound.map(({ name }) => `  - { plugin: my-${name}, apis: [shop/orders] }`).join('\n')}
`;
  return testGateway({
    config: bound.length === 0 ? config.replace(/bindings:\s*$/, '') : config,
    plugins,
    ...(backend === undefined ? {} : { backends: { '*': backend } }),
  });
}

type Point = 'preAuth' | 'auth' | 'backendRouting' | 'backendSigning' | 'response';
const points: readonly Point[] = ['preAuth', 'auth', 'backendRouting', 'backendSigning', 'response'];

/** Hooks that do something at one point. */
function at(point: Point, handle: () => unknown): Hooks {
  const typed = handle as () => undefined;
  return point === 'auth' ? { auth: { stage: 'admit', handle: typed } } : { [point]: typed };
}

/** Hooks that note every point they are called at. */
function watching(seen: string[]): Hooks {
  return {
    preAuth: () => void seen.push('preAuth'),
    auth: { stage: 'serve', handle: () => void seen.push('auth') },
    backendRouting: () => void seen.push('backendRouting'),
    backendSigning: () => void seen.push('backendSigning'),
    response: () => void seen.push('response'),
    completed: () => void seen.push('completed'),
  };
}

test('a request passes every hook once, in order', async () => {
  const seen: string[] = [];
  const gateway = await gatewayWith([plugin('watch', watching(seen))]);
  const answer = await gateway.request('GET', '/orders?page=2');
  assert.equal(answer.status, 200);
  assert.deepEqual(seen, [...points, 'completed']);
  assert.equal(gateway.backendRequests.length, 1);
  assert.equal(answer.headers.get('x-request-id'), gateway.completed[0]?.arrival.requestId);
});

for (const [index, point] of points.slice(0, 4).entries()) {
  for (const kind of ['at once', 'later'] as const) {
    test(`a Reply from ${point}, ${kind}, skips to response; the backend is not called`, async () => {
      const seen: string[] = [];
      const own = (): Reply => reply(202, { 'x-own': 'yes' }, 'done');
      const answers = at(point, kind === 'at once' ? own : async () => own());
      const gateway = await gatewayWith([plugin('watch', watching(seen)), plugin('answers', answers)]);
      const answer = await gateway.request('GET', '/');
      assert.deepEqual([answer.status, answer.text, answer.headers.get('x-own')], [202, 'done', 'yes']);
      // `serve` comes after `admit`, so at `auth` the watcher is not reached.
      const before = point === 'auth' ? points.slice(0, index) : points.slice(0, index + 1);
      assert.deepEqual(seen, [...before, 'response', 'completed']);
      assert.equal(gateway.backendRequests.length, 0);
      const [notice] = gateway.completed;
      assert.deepEqual([notice?.answeredBy?.plugin, notice?.answeredBy?.hook], ['answers', point]);
      assert.equal(notice?.refusal, undefined);
    });
  }
}

for (const point of points) {
  const ways: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('secret detail');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('secret detail');
      },
    ],
    ['answers null', () => null],
    ['answers an object', async () => ({ status: 200 })],
  ];
  for (const [way, handle] of ways) {
    test(`a handler that ${way} at ${point} is a 500 without the reason, and the log says where`, async () => {
      const gateway = await gatewayWith([plugin('first', {}), plugin('breaks', at(point, handle))]);
      const answer = await gateway.request('GET', '/');
      assert.equal(answer.status, 500);
      const {
        error_code: code,
        error_msg: message,
        request_id: id,
      } = answer.json() as Record<string, string>;
      assert.deepEqual([code, message], ['APIG.0601', 'Internal server error.']);
      assert.equal(id, answer.headers.get('x-request-id'));
      assert.doesNotMatch(answer.text, /secret|breaks/);

      const errors = gateway.log.filter(({ level }) => level === 'error');
      assert.equal(errors.length, 1);
      const {
        requestId,
        api,
        environment,
        plugin: name,
        hook,
        binding,
        at: place,
        error,
      } = errors[0]?.fields ?? {};
      assert.deepEqual(
        { requestId, api, environment, name, hook, binding, place },
        {
          requestId: id,
          api: 'shop/orders',
          environment: 'RELEASE',
          name: 'breaks',
          hook: point,
          binding: 'my-breaks',
          place: 'gateway.yaml:12:5',
        },
      );
      assert.match(String(error), way.startsWith('answers') ? /answered (null|object)/ : /secret detail/);
      const [notice] = gateway.completed;
      assert.deepEqual([notice?.status, notice?.refusal?.kind], [500, 'internal']);
      assert.deepEqual([notice?.answeredBy?.plugin, notice?.answeredBy?.hook], ['breaks', point]);
    });
  }
}

test('backendRouting may choose a backend; signing sees what it prepared, and it is called', async () => {
  const seen: string[] = [];
  const chooses: Hooks = {
    backendRouting: () => ({
      prepare(outbound) {
        outbound.origin = 'memory:';
        outbound.path = '/elsewhere';
        return undefined;
      },
      invoke: (outbound) => reply(200, {}, `${outbound.path} ${outbound.headers.get('x-signed')}`),
    }),
    backendSigning(outbound) {
      seen.push(`${outbound.origin} ${outbound.path}`);
      outbound.headers.set('X-Signed', 'yes');
      return undefined;
    },
  };
  const gateway = await gatewayWith([plugin('chooses', chooses)]);
  const answer = await gateway.request('GET', '/here');
  assert.equal(answer.text, '/elsewhere yes');
  assert.deepEqual(seen, ['memory: /elsewhere']);
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal(gateway.completed[0]?.answeredBy, undefined);
});

test('the first backend chosen wins; a later plugin is not asked', async () => {
  const choose = (name: string): Hooks => ({
    backendRouting: () => ({ invoke: () => reply(200, {}, name) }),
  });
  const gateway = await gatewayWith([plugin('one', choose('one')), plugin('two', choose('two'))]);
  assert.equal((await gateway.request('GET', '/')).text, 'one');
});

const wrongBackends: [string, object][] = [
  [
    'invoke throws',
    {
      invoke: () => {
        throw new Error('detail');
      },
    },
  ],
  [
    'invoke rejects',
    {
      invoke: async () => {
        throw new Error('detail');
      },
    },
  ],
  ['invoke answers nothing', { invoke: () => undefined }],
  ['invoke answers null later', { invoke: async () => null }],
  [
    'prepare throws',
    {
      prepare: () => {
        throw new Error('detail');
      },
      invoke: () => reply(200),
    },
  ],
  ['prepare answers a promise', { prepare: async () => undefined, invoke: () => reply(200) }],
  [
    'prepare rejects',
    {
      prepare: async () => {
        throw new Error('detail');
      },
      invoke: () => reply(200),
    },
  ],
  ['prepare answers null', { prepare: () => null, invoke: () => reply(200) }],
  ['authorize is null', { authorize: null, invoke: () => reply(200) }],
  ['authorize is no function', { authorize: 'everybody', invoke: () => reply(200) }],
  [
    'authorize throws',
    {
      authorize: () => {
        throw new Error('detail');
      },
      invoke: () => reply(200),
    },
  ],
  ['authorize answers true', { authorize: async () => true, invoke: () => reply(200) }],
];

for (const [what, backend] of wrongBackends) {
  test(`a backend whose ${what} is a 500, logged`, async () => {
    const gateway = await gatewayWith([plugin('chooses', { backendRouting: () => backend as never })]);
    const answer = await gateway.request('GET', '/');
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /detail/);
    const [line] = gateway.log.filter(({ level }) => level === 'error');
    assert.deepEqual([line?.fields['api'], line?.fields['hook']], ['shop/orders', 'backend']);
  });
}

test('a refusal from prepare, and one thrown by invoke, are those refusals', async () => {
  const prepares = { prepare: () => refuse('backend-incomplete'), invoke: () => reply(200) };
  const throws = {
    invoke: () => {
      throw refuse('body-too-large');
    },
  };
  for (const [backend, status] of [
    [prepares, 504],
    [throws, 413],
  ] as const) {
    const gateway = await gatewayWith([plugin('chooses', { backendRouting: () => backend })]);
    assert.equal((await gateway.request('GET', '/')).status, status);
    assert.deepEqual(gateway.log, []);
  }
});

test('response changes the answer in place', async () => {
  const changes: Hooks = {
    response(inbound) {
      assert.deepEqual([inbound.source, inbound.status, inbound.refusal], ['backend', 200, undefined]);
      inbound.status = 201;
      inbound.headers.set('x-added', 'yes');
      inbound.headers.delete('content-type');
      inbound.setBody('changed');
      return undefined;
    },
  };
  const gateway = await gatewayWith([plugin('changes', changes)]);
  const answer = await gateway.request('GET', '/');
  assert.deepEqual([answer.status, answer.text], [201, 'changed']);
  assert.deepEqual([answer.headers.get('x-added'), answer.headers.has('content-type')], ['yes', false]);
  assert.equal(gateway.completed[0]?.status, 201);
  assert.equal(gateway.completed[0]?.bytesSent, 7);
});

test('response replaces the answer; plugins bound before it are not asked', async () => {
  const seen: string[] = [];
  const replaces: Hooks = { response: (inbound) => reply(503, { 'x-was': String(inbound.status) }, 'later') };
  const gateway = await gatewayWith([plugin('watch', watching(seen)), plugin('replaces', replaces)]);
  const answer = await gateway.request('GET', '/');
  assert.deepEqual([answer.status, answer.text, answer.headers.get('x-was')], [503, 'later', '200']);
  assert.ok(!seen.includes('response'));
  const { plugin: by, hook } = gateway.completed[0]?.answeredBy ?? {};
  assert.deepEqual([by, hook], ['replaces', 'response']);
});

test('response sees refusals, and may give them a body of its own', async () => {
  const refuses: Hooks = {
    preAuth: () => refuse('app-not-authorized', { message: 'Not this app.', cause: 'secret' }),
  };
  const plain = await gatewayWith([plugin('refuses', refuses)]);
  const rendered = await plain.request('GET', '/');
  assert.equal(rendered.status, 403);
  assert.equal(rendered.headers.get('content-type'), 'application/json');
  const { error_code: code, error_msg: message } = rendered.json() as Record<string, string>;
  assert.deepEqual([code, message], ['APIG.0304', 'Not this app.']);
  assert.doesNotMatch(rendered.text, /secret/);

  const renders: Hooks = {
    response(inbound) {
      assert.deepEqual([inbound.source, inbound.refusal?.kind], ['gateway', 'app-not-authorized']);
      inbound.setBody(`own: ${inbound.refusal?.message}`);
      return undefined;
    },
  };
  const own = await gatewayWith([plugin('refuses', refuses), plugin('renders', renders)]);
  assert.equal((await own.request('GET', '/')).text, 'own: Not this app.');
});

test('an answer that cannot be sent is a 500, logged, not a hanging caller', async () => {
  for (const status of [99, 101, 600, 200.5, Number.NaN]) {
    const breaks: Hooks = {
      response(inbound) {
        inbound.status = status;
        return undefined;
      },
    };
    const gateway = await gatewayWith([plugin('breaks', breaks)]);
    const answer = await gateway.request('GET', '/');
    assert.equal(answer.status, 500, String(status));
    assert.equal(gateway.log.filter(({ level }) => level === 'error').length, 1);
    assert.equal(gateway.completed.length, 1);
  }
});

test('completed tells what happened', async () => {
  const gateway = await gatewayWith([], { backend: () => reply(200, {}, 'four') });
  await gateway.request('POST', '/x?y=1', { body: '12345', clientAddress: '198.51.100.7' });
  const [notice] = gateway.completed;
  assert.ok(notice);
  const { arrival, exchange, status, outcome, bytesReceived, bytesSent, backendMs, refusal, answeredBy } =
    notice;
  assert.deepEqual([arrival.method, arrival.path, arrival.rawQuery], ['POST', '/x', 'y=1']);
  assert.deepEqual([arrival.clientAddress, arrival.host], ['198.51.100.7', 'test']);
  assert.equal(exchange?.api.name, 'shop/orders');
  assert.deepEqual([status, outcome, bytesReceived, bytesSent], [200, 'answered', 5, 4]);
  assert.ok(backendMs !== undefined && backendMs >= 0 && notice.durationMs >= backendMs);
  assert.deepEqual([refusal, answeredBy], [undefined, undefined]);
});

test("completed is told of requests that found no API, and of the kernel's own 401", async () => {
  const gateway = await testGateway({
    config: { groups: { a: { domains: ['a'] } } },
  });
  assert.equal((await gateway.request('GET', 'http://b/')).status, 404);
  const [lost] = gateway.completed;
  assert.deepEqual([lost?.exchange, lost?.status, lost?.refusal?.kind], [undefined, 404, 'not-found']);

  const quiet = plugin('auth-quiet', { auth: { stage: 'authenticate', handle: () => undefined } });
  const strict = await gatewayWith([quiet], { auth: 'quiet' });
  assert.equal((await strict.request('GET', '/')).status, 401);
  assert.equal(strict.backendRequests.length, 0);
  const [refused] = strict.completed;
  assert.deepEqual(
    [refused?.refusal?.kind, refused?.answeredBy?.plugin, refused?.answeredBy?.hook],
    ['not-authenticated', 'kernel', 'auth'],
  );
});

test('a completed listener that throws, at once or later, harms neither the answer nor the others', async () => {
  const told: string[] = [];
  const gateway = await gatewayWith([
    plugin('throws', {
      completed: () => {
        throw new Error('boom');
      },
    }),
    plugin('rejects', {
      // What a plugin without types may do.
      completed: () => Promise.reject(new Error('boom')) as never,
    }),
    plugin('tells', { completed: () => void told.push('told') }),
  ]);
  assert.equal((await gateway.request('GET', '/')).status, 200);
  // The rejection is logged a microtask later.
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, ['told']);
  const errors = gateway.log.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ fields }) => [fields['plugin'], fields['hook']]),
    [
      ['throws', 'completed'],
      ['rejects', 'completed'],
    ],
  );
});

test('one Reply returned for many requests does not carry changes from one to the next', async () => {
  const shared = reply(200, { 'x-shared': 'yes' }, 'shared');
  let count = 0;
  const changes: Hooks = {
    preAuth: () => shared,
    response(inbound) {
      count += 1;
      inbound.headers.append('x-count', String(count));
      inbound.headers.delete('x-shared');
      inbound.status = 203;
      inbound.setBody(`changed ${count}`);
      return undefined;
    },
  };
  const gateway = await gatewayWith([plugin('changes', changes)]);
  for (const expected of ['1', '2', '3']) {
    const answer = await gateway.request('GET', '/');
    assert.deepEqual(answer.headers.getAll('x-count'), [expected]);
    assert.equal(answer.text, `changed ${expected}`);
  }
  assert.deepEqual([shared.status, shared.headers.flat, shared.body], [200, ['x-shared', 'yes'], 'shared']);
});

test("one refusal returned for many requests carries each request's own id", async () => {
  const shared = refuse('app-not-authorized');
  const gateway = await gatewayWith([plugin('refuses', { preAuth: () => shared })]);
  const ids = new Set<unknown>();
  for (let count = 0; count < 3; count += 1) {
    const answer = await gateway.request('GET', '/');
    ids.add((answer.json() as Record<string, unknown>)['request_id']);
    assert.deepEqual(answer.headers.getAll('x-request-id').length, 1);
  }
  assert.equal(ids.size, 3);
  assert.deepEqual(shared.headers.flat, []);
});

test('readBody gives the body, also twice, and the backend still gets it', async () => {
  const bodies: string[] = [];
  const reads: Hooks = {
    async preAuth(exchange) {
      bodies.push((await exchange.readBody()).toString());
      return undefined;
    },
    async backendSigning(outbound) {
      bodies.push((await outbound.readBody()).toString());
      return undefined;
    },
  };
  const gateway = await gatewayWith([plugin('reads', reads)]);
  await gateway.request('POST', '/', { body: 'content' });
  assert.deepEqual(bodies, ['content', 'content']);
  assert.equal(gateway.backendRequests[0]?.body.toString(), 'content');
});

test('a body larger than the API allows is a 413 and no fault', async () => {
  const reads: Hooks = {
    async preAuth(exchange) {
      await exchange.readBody();
      return undefined;
    },
  };
  const gateway = await gatewayWith([plugin('reads', reads)], { request: ', maxBodyBytes: 8' });
  assert.equal((await gateway.request('POST', '/', { body: '12345678' })).status, 200);
  const answer = await gateway.request('POST', '/', { body: '123456789' });
  assert.equal(answer.status, 413);
  assert.equal(gateway.completed[1]?.refusal?.kind, 'body-too-large');
  assert.equal(gateway.backendRequests.length, 1);
  assert.deepEqual(gateway.log, [], 'a refusal is no fault');
});

test('setBody replaces what the backend gets, and null takes it away', async () => {
  for (const body of ['other', null]) {
    const sets: Hooks = {
      backendSigning(outbound) {
        outbound.setBody(body === null ? null : Buffer.from(body));
        assert.equal(outbound.hasBody, body !== null);
        return undefined;
      },
    };
    const gateway = await gatewayWith([plugin('sets', sets)]);
    await gateway.request('POST', '/', { body: 'content' });
    assert.equal(gateway.backendRequests[0]?.body.toString(), body ?? '');
  }
});

test('answers are read and transformed; several transforms run one after the other', async () => {
  const upper: Hooks = {
    response(inbound) {
      inbound.transformBody({
        chunk: (chunk) => Buffer.from(Buffer.from(chunk).toString().toUpperCase()),
        end: () => Buffer.from('!'),
      });
      return undefined;
    },
  };
  const reads: string[] = [];
  const looks: Hooks = {
    async response(inbound) {
      reads.push((await inbound.readBody()).toString());
      return undefined;
    },
  };
  const backend: MemoryBackend = () => reply(200, { 'content-length': '5' }, 'hello');
  const gateway = await gatewayWith([plugin('looks', looks), plugin('upper', upper)], { backend });
  const answer = await gateway.request('GET', '/');
  assert.equal(answer.text, 'HELLO!');
  assert.deepEqual(reads, ['HELLO!']);
  assert.equal(answer.headers.has('content-length'), false, 'the old length is not sent with the new body');
});

test('what is known of a request is the same at every hook', async () => {
  const seen: Exchange[] = [];
  const looks: Hooks = {
    preAuth: (exchange) => void seen.push(exchange),
    auth: { stage: 'admit', handle: (exchange) => void seen.push(exchange) },
    backendSigning: (outbound) => void seen.push(outbound.exchange),
    response: (inbound) => void seen.push(inbound.exchange),
  };
  const gateway = await gatewayWith([plugin('looks', looks)]);
  await gateway.request('GET', '/a/b?x=1&x=2&y=%20', { headers: { cookie: 'k=v; k=w' } });
  assert.equal(new Set(seen).size, 1);
  const [exchange] = seen;
  assert.deepEqual(
    [exchange?.api.name, exchange?.environment, exchange?.pathRest],
    ['shop/orders', 'RELEASE', 'a/b'],
  );
  assert.deepEqual(exchange?.query.getAll('x'), ['1', '2']);
  assert.equal(exchange?.query.get('y'), ' ');
  assert.equal(exchange?.cookies.get('k'), 'v');
});
