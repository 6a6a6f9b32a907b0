import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Exchange, Notes } from '../exchange.ts';
import { Fields } from '../fields.ts';
import { Params } from '../params.ts';
import { RequestReaders, compileCondition, parseParameters, requestReader, systemNames } from './index.ts';

/** As much of an exchange as readers look at. */
function exchangeWith(given: Partial<Exchange> & { readonly domains?: readonly string[] } = {}): Exchange {
  const { domains = [], ...rest } = given;
  const request = { method: 'ANY', path: '/', match: 'exact' } as const;
  const fake: Partial<Exchange> = {
    requestId: 'r-1',
    method: 'GET',
    scheme: 'https',
    host: '',
    path: '/',
    headers: new Fields(),
    query: Params.empty,
    pathValues: new Map(),
    clientAddress: '192.0.2.1',
    receivedAt: Date.UTC(2018, 10, 15, 6, 11, 33, 999),
    identity: null,
    notes: new Map() as Notes,
    environment: 'PRE',
    hasBody: false,
    api: {
      name: 'shop/get-order',
      group: { name: 'shop', hosts: domains, definition: {} },
      request,
      definition: {},
    },
    ...rest,
  };
  return fake as Exchange;
}

function read(declaration: string, exchange: Exchange): unknown {
  const parameter = parseParameters({ it: declaration }, { phase: 'request' }).declared.get('it');
  assert.ok(parameter !== undefined);
  return requestReader(parameter)(exchange);
}

const app = { id: 'a-1', name: 'mobile', key: 'key-1' };

suite('system parameters', () => {
  const headers = new Fields(['User-Agent', 'curl/8']);
  const known = exchangeWith({ host: 'x.example', headers, identity: { type: 'app', id: 'a-1', app } });
  const expected: Record<string, unknown> = {
    CaClientIp: '192.0.2.1',
    CaDomain: 'x.example',
    CaRequestHandleTime: '2018-11-15T06:11:33Z',
    CaAppId: 'a-1',
    CaAppKey: 'key-1',
    CaRequestId: 'r-1',
    CaApiName: 'get-order',
    CaHttpSchema: 'https',
    CaClientUa: 'curl/8',
    CaProxy: 'AliCloudAPIGateway',
    CaStage: 'PRE',
  };
  for (const name of systemNames) {
    test(name, () => {
      assert.equal(read(`System:${name}`, known), expected[name]);
    });
  }

  test('that need what is not there', () => {
    const bare = exchangeWith({ identity: { type: 'anonymous', id: '' } });
    for (const name of ['CaDomain', 'CaAppId', 'CaAppKey', 'CaClientUa'])
      assert.equal(read(`System:${name}`, bare), undefined);
    assert.equal(read('System:CaAppId', exchangeWith()), undefined);
  });
});

const headers = new Fields([
  'X-A',
  '1',
  'x-a',
  '2',
  'X-U',
  'gr\u00c3\u00bcn',
  'X-L',
  'gr\u00fcn',
  '__proto__',
  'p',
]);
const pathValues = new Map([
  ['id', 'a%2Fb%20c'],
  ['bad', '%zz'],
]);
const claims = { sub: 'u1', admin: true, level: 3, roles: ['a'], none: null };
const request = exchangeWith({
  headers,
  pathValues,
  path: '/%61dmin/caf%C3%A9',
  query: Params.parse('a=1&a=2&e=&__proto__=q'),
  identity: { type: 'user', id: 'u1', claims },
});
const reads: readonly [declaration: string, expected: unknown][] = [
  ['Method', 'GET'],
  ['Path', '/admin/café'],
  ['Header:x-A', '1'],
  ['Header:X-U', 'grün'],
  ['Header:X-L', 'grün'],
  ['Header:X-None', undefined],
  ['Header:constructor', undefined],
  ['Header:__proto__', 'p'],
  ['Query:a', '1'],
  ['Query:e', ''],
  ['Query:A', undefined],
  ['Query:__proto__', 'q'],
  ['Parameter:id', 'a/b c'],
  ['Path:id', 'a/b c'],
  ['Parameter:bad', '%zz'],
  ['Parameter:other', undefined],
  ['Token:sub', 'u1'],
  ['Token:admin', true],
  ['Token:level', 3],
  ['Token:roles', '["a"]'],
  ['Token:none', null],
  ['Token:constructor', undefined],
  ['Token:__proto__', undefined],
];
for (const [declaration, expected] of reads) {
  test(`${declaration} is ${JSON.stringify(expected)}`, () => {
    assert.equal(read(declaration, request), expected);
  });
}

suite('Parameter: what the API declares', () => {
  const parameters = [
    { name: 'orderId', in: 'path' },
    { name: 'page', in: 'query', default: 1 },
    { name: 'X-Tenant', in: 'header' },
    { name: 'wide', in: 'query', default: 'größer' },
    { name: 'constructor', in: 'query' },
  ];
  const api = (path: string) => ({
    name: 'shop/get-order',
    group: { name: 'shop', hosts: [], definition: {} },
    request: { method: 'ANY', path, match: 'exact' } as const,
    definition: { request: { parameters } },
  });
  const sent: Partial<Exchange> = {
    api: api('/orders/{orderid}/{other}'),
    pathValues: new Map([
      ['orderid', 'a%2Fb'],
      ['other', 'o'],
    ]),
    headers: Fields.from({ 'x-tenant': ['gr\u00c3\u00bcn', 'second'] }),
    query: Params.parse('PAGE=%32&page=3'),
  };
  const cases: readonly [declaration: string, sent: string | undefined, missing: string | undefined][] = [
    ['Parameter:orderId', 'a/b', undefined],
    ['Parameter:page', '2', '1'],
    ['Parameter:Page', '2', '1'],
    ['Parameter:x-tenant', 'grün', undefined],
    ['Parameter:wide', 'größer', 'größer'],
    ['Parameter:constructor', undefined, undefined],
    ['Parameter:other', 'o', undefined],
    ['Parameter:toString', undefined, undefined],
    ['Path:other', 'o', undefined],
    ['Path:page', undefined, undefined],
  ];
  for (const [declaration, whenSent, whenMissing] of cases) {
    test(declaration, () => {
      assert.equal(read(declaration, exchangeWith(sent)), whenSent);
      assert.equal(read(declaration, exchangeWith({ api: api('/orders') })), whenMissing);
    });
  }

  test('one reader serves several APIs', () => {
    const declared = parseParameters({ it: 'Parameter:page' }, { phase: 'request' }).declared.get('it');
    assert.ok(declared !== undefined);
    const reader = requestReader(declared);
    const plain = exchangeWith({ pathValues: new Map([['page', 'of the path']]) });
    for (let turn = 0; turn < 2; turn += 1) {
      assert.equal(reader(exchangeWith({ api: api('/orders') })), '1');
      assert.equal(reader(plain), 'of the path');
    }
  });
});

suite('X-Forwarded-For', () => {
  const cases: readonly [fields: readonly string[], index: number, expected: string | undefined][] = [
    [['a, b ,c'], 0, 'a'],
    [['a, b ,c'], 1, 'b'],
    [['a, b ,c'], -1, 'c'],
    [['a, b ,c'], -3, 'a'],
    [['a, b ,c'], 3, undefined],
    [['a, b ,c'], -4, undefined],
    [['a', 'b, c'], -1, 'c'],
    [['a', 'b, c'], 0, 'a'],
    [[',a,, ,b,'], -1, 'b'],
    [[',a,, ,b,'], -2, 'a'],
    [[',a,, ,b,'], 1, 'b'],
    [[''], 0, undefined],
    [[''], -1, undefined],
    [[], -1, undefined],
  ];
  for (const [fields, index, expected] of cases) {
    test(`${index} of ${JSON.stringify(fields)} is ${expected}`, () => {
      const exchange = exchangeWith({
        headers: new Fields(fields.flatMap((value) => ['X-Forwarded-For', value])),
      });
      assert.equal(read(`XFF:${index}`, exchange), expected);
    });
  }

  test('a long one is not taken apart for its end', () => {
    const long = exchangeWith({ headers: new Fields(['x-forwarded-for', `${'a,'.repeat(5_000_000)}b`]) });
    const start = performance.now();
    for (let time = 0; time < 10_000; time += 1) assert.equal(read('XFF:-1', long), 'b');
    assert.ok(performance.now() - start < 5000, 'ten thousand looks at 10 MB within five seconds');
  });
});

suite('Host', () => {
  const domains = ['own.example', '*.example', '*.a.example'];
  const cases: readonly [
    host: string,
    domains: readonly string[],
    key: string,
    expected: string | undefined,
  ][] = [
    ['t1.example', domains, 'tenant', 't1'],
    ['t1.example', domains, '0', 't1'],
    ['t1.example', domains, '1', undefined],
    ['x.t1.example', domains, 'tenant', 'x.t1'],
    ['x.t1.example', domains, '0', 'x'],
    ['x.t1.example', domains, '1', 't1'],
    ['t1.a.example', domains, 'tenant', 't1'],
    ['own.example', domains, 'tenant', undefined],
    ['.example', ['*.example'], 'tenant', ''],
    ['any.where', ['*'], 'tenant', 'any.where'],
    ['t1.example', ['*', '*.example'], 'tenant', 't1'],
    ['myexample', ['*.example'], 'tenant', undefined],
    ['', ['*'], 'tenant', undefined],
  ];
  for (const [host, hosts, key, expected] of cases) {
    test(`${key} of ${JSON.stringify(host)} among ${hosts.join(', ')} is ${JSON.stringify(expected)}`, () => {
      assert.equal(read(`Host:${key}`, exchangeWith({ host, domains: hosts })), expected);
    });
  }
});

test('what has no value in a request has no reader', () => {
  const named = { name: 'it', phase: 'response' } as const;
  assert.throws(() => requestReader({ ...named, location: 'StatusCode' }), TypeError);
  assert.throws(
    () => requestReader({ ...named, location: 'BodyJsonField', key: '$.a', path: ['a'] }),
    TypeError,
  );
  assert.throws(() => requestReader({ ...named, location: 'BuiltIn', key: 'it' }), TypeError);
});

suite('the form', () => {
  const scope = parseParameters({ ff: 'Form:f', qq: 'Query:q' }, { phase: 'request' });

  function withForm(readForm: () => Promise<Params>): Exchange {
    return exchangeWith({ hasBody: true, readForm });
  }

  test('is needed only when a condition uses it', () => {
    const readers = new RequestReaders();
    compileCondition('$qq = 1', { scope, resolve: readers.resolve });
    assert.equal(readers.needsForm, false);
    assert.equal(
      readers.evaluate(
        withForm(() => Promise.reject(new Error('read'))),
        () => 'at once',
      ),
      'at once',
    );
    compileCondition('$ff = 1', { scope, resolve: readers.resolve });
    assert.equal(readers.needsForm, true);
  });

  test('is read before anything is evaluated, once for all who ask', async () => {
    const [one, two] = [new RequestReaders(), new RequestReaders()];
    const first = compileCondition("$ff = 'a'", { scope, resolve: one.resolve });
    const second = compileCondition("$ff <> 'a'", { scope, resolve: two.resolve });
    let reads = 0;
    const exchange = withForm(() => {
      reads += 1;
      return Promise.resolve(Params.parse('f=a&f=b'));
    });
    assert.equal(first(exchange), false);
    const waiting = one.evaluate(exchange, first);
    assert.ok(waiting instanceof Promise);
    assert.equal(await waiting, true);
    assert.equal(two.evaluate(exchange, second), false);
    assert.equal(reads, 1);
  });

  test('of a request without a body is not waited for', () => {
    const readers = new RequestReaders();
    const condition = compileCondition('$ff = null', { scope, resolve: readers.resolve });
    assert.equal(readers.evaluate(exchangeWith(), condition), true);
  });

  test('that cannot be read is an error, and nothing is evaluated', async () => {
    const readers = new RequestReaders();
    compileCondition('$ff = null', { scope, resolve: readers.resolve });
    const failing = readers.evaluate(
      withForm(() => Promise.reject(new Error('413'))),
      () => assert.fail('evaluated'),
    );
    await assert.rejects(Promise.resolve(failing), /413/);
  });
});
