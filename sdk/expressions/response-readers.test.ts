import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Exchange, Inbound } from '../exchange.ts';
import { Fields } from '../fields.ts';
import { refusalKinds } from '../refusals.ts';
import { ResponseReaders, type Value, parseParameters } from './index.ts';

const request: Partial<Exchange> = {
  method: 'PUT',
  path: '/a%20b',
  environment: 'PRE',
  identity: { type: 'user', id: 'u', claims: { sub: 'u1' } },
};

interface Given extends Partial<Inbound> {
  readonly flat?: readonly string[];
  readonly body?: string | Buffer;
}

/** As much of an answer as readers look at. */
function answer({ flat = [], body, ...rest }: Given): Inbound {
  const fake: Partial<Inbound> = {
    exchange: request as Exchange,
    status: 200,
    source: 'backend',
    refusal: undefined,
    headers: new Fields([...flat]),
    hasBody: body !== undefined,
    peekBody: (maxBytes) => {
      const bytes = Buffer.from(body ?? '');
      return Promise.resolve(bytes.length > maxBytes ? undefined : bytes);
    },
    ...rest,
  };
  return fake as Inbound;
}

function read(declaration: string, inbound: Inbound, maxBytes = 1000): Value | Promise<Value> {
  const parameter = parseParameters({ it: declaration }, { phase: 'response' }).declared.get('it');
  assert.ok(parameter !== undefined);
  const readers = new ResponseReaders(maxBytes);
  const reader = readers.resolve(parameter);
  return readers.evaluate(inbound, reader);
}

test('what is known without the body, at once', () => {
  const backend = answer({ status: 503, flat: ['X-Code', 'KÃ¶ln', 'x-code', 'b'] });
  assert.equal(read('StatusCode', backend), 503);
  assert.equal(read('ErrorCode', backend), undefined);
  assert.equal(read('Header:x-code', backend), 'Köln');
  assert.equal(read('Header:x-none', backend), undefined);
  assert.equal(read('Method', backend), 'PUT');
  assert.equal(read('Path', backend), '/a b');
  assert.equal(read('System:CaStage', backend), 'PRE');
  assert.equal(read('Token:sub', backend), 'u1');
});

test('a refusal of the gateway has an error code, and no status of a backend', () => {
  const refused = answer({ source: 'gateway', status: 429, refusal: { kind: 'throttled' } });
  assert.equal(read('StatusCode', refused), undefined);
  assert.equal(read('ErrorCode', refused), refusalKinds.throttled.alibabaCode);
});

suite('a field of a JSON body', () => {
  const json = ['Content-Type', 'application/json; charset=utf-8'];
  const body = '{"rc":"NOT_FOUND","n":{"list":[1,true]}}';
  const rows: readonly (readonly [name: string, given: Given, value: Value])[] = [
    ['plain', { flat: json, body }, 'NOT_FOUND'],
    ['problem+json', { flat: ['content-type', 'application/problem+json'], body }, 'NOT_FOUND'],
    ['a byte order mark', { flat: json, body: `\ufeff${body}` }, 'NOT_FOUND'],
    ['no type, its length announced', { flat: ['Content-Length', '5'], body }, 'NOT_FOUND'],
    [
      'a text, its length announced',
      { flat: ['Content-Type', 'text/html', 'Content-Length', '5'], body },
      'NOT_FOUND',
    ],
    ['gzip', { flat: [...json, 'Content-Encoding', 'gzip'], body: gzipSync(body) }, 'NOT_FOUND'],
    ['x-gzip', { flat: [...json, 'Content-Encoding', 'X-GZIP'], body: gzipSync(body) }, 'NOT_FOUND'],
    ['deflate', { flat: [...json, 'Content-Encoding', 'deflate'], body: deflateSync(body) }, 'NOT_FOUND'],
    ['br', { flat: [...json, 'Content-Encoding', 'br'], body: brotliCompressSync(body) }, 'NOT_FOUND'],
    ['zstd', { flat: [...json, 'Content-Encoding', 'zstd'], body: zstdCompressSync(body) }, 'NOT_FOUND'],
    ['another coding', { flat: [...json, 'Content-Encoding', 'gzip, br'], body }, undefined],
    [
      'a bomb',
      { flat: [...json, 'Content-Encoding', 'gzip'], body: gzipSync(`{"rc":"${'x'.repeat(1e6)}"}`) },
      undefined,
    ],
    ['compressed, it says', { flat: [...json, 'Content-Encoding', 'gzip'], body }, undefined],
    ['too large', { flat: json, body: `{"rc":"${'x'.repeat(2000)}"}` }, undefined],
    ['no JSON', { flat: json, body: '{"rc":' }, undefined],
    ['empty', { flat: json, body: '' }, undefined],
    ['no content at all', { flat: json }, undefined],
    ['a list', { flat: json, body: '["rc"]' }, undefined],
  ];
  for (const [name, given, value] of rows) {
    test(name, async () => {
      assert.equal(await read('BodyJsonField:$.rc', answer(given)), value);
    });
  }

  test('nothing is waited for where the type is another', () => {
    for (const flat of [
      ['Content-Type', 'text/event-stream', 'Content-Length', '5'],
      ['Content-Type', 'text/plain'],
      ['Content-Type', 'application/x-ndjson'],
      ['Content-Type', 'application/octet-stream', 'Content-Length', '5'],
      [],
    ])
      assert.equal(read('BodyJsonField:$.rc', answer({ flat, body })), undefined, flat.join(' '));
  });

  test('nested values are their JSON text, however deep', async () => {
    assert.equal(await read('BodyJsonField:$.n.list', answer({ flat: json, body })), '[1,true]');
    const deep = `{"rc":"x","n":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    const inbound = answer({ flat: json, body: deep });
    assert.equal(await read('BodyJsonField:$.rc', inbound, 1_000_000), 'x');
    // Some runtimes cannot write down what they could read; what must not be is an error.
    await assert.doesNotReject(async () => void (await read('BodyJsonField:$.n', inbound, 1_000_000)));
  });
});

test('what an answer does not have is refused when it is resolved', () => {
  const readers = new ResponseReaders(1);
  assert.throws(
    () => readers.resolve({ name: 'q1', location: 'Query', key: 'q', phase: 'request' }),
    TypeError,
  );
});
