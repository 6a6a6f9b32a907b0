import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Dispatcher } from 'undici';
import { type RequestOptions, writeRequestHead } from './request-head.ts';

function write(options: Partial<RequestOptions>) {
  return writeRequestHead({ method: 'GET', path: '/', headers: ['Host', 'a'], body: null, ...options });
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // No piece.
}

test('Host comes first, whatever its place', () => {
  const { text } = write({ headers: ['X-A', '1', 'host', 'b:80', 'X-a', '2'], path: '/p?q' });
  assert.equal(text, 'GET /p?q HTTP/1.1\r\nHost: b:80\r\nConnection: keep-alive\r\nX-A: 1\r\nX-a: 2\r\n\r\n');
});

suite('content is delimited in one way', () => {
  const bytes = Buffer.from('hello');
  for (const [name, options, last] of [
    ['none', { method: 'GET' }, 'Connection: keep-alive'],
    ['none, where some is expected', { method: 'POST' }, 'Content-Length: 0'],
    ['bytes', { method: 'POST', body: bytes }, 'Content-Length: 5'],
    [
      'bytes, announced wrongly',
      { body: bytes, headers: ['Host', 'a', 'Content-Length', '7'] },
      'Content-Length: 5',
    ],
    ['none, announced', { headers: ['Host', 'a', 'Content-Length', '7'] }, 'Connection: keep-alive'],
  ] as const) {
    test(name, () => {
      const { text } = write(options as Partial<Dispatcher.DispatchOptions>);
      assert.ok(text.endsWith(`${last}\r\n\r\n`), text);
      assert.equal(text.match(/content-length/gi)?.length ?? 0, last.startsWith('Content') ? 1 : 0);
    });
  }

  test('a stream, whose length is told if it is known', () => {
    const body = nothing() as unknown as Dispatcher.DispatchOptions['body'] & {};
    assert.equal(write({ body }).length, undefined);
    assert.equal(write({ body, headers: ['Host', 'a', 'content-length', '12'] }).length, 12);
    assert.doesNotMatch(write({ body }).text, /\r\n\r\n/);
  });
});

test('a handshake says so, and nothing else of the connection', () => {
  assert.match(write({ upgrade: 'websocket' }).text, /\r\nConnection: upgrade\r\nUpgrade: websocket\r\n/);
  assert.doesNotMatch(write({ upgrade: 'websocket' }).text, /keep-alive/);
});

test('a field may ask for the end of the connection', () => {
  assert.equal(write({ headers: ['Host', 'a', 'Connection', 'Close'] }).wantsClose, true);
  assert.equal(write({ headers: ['Host', 'a', 'Connection', 'keep-alive'] }).wantsClose, false);
});

suite('what would not arrive as it was meant is refused', () => {
  for (const options of [
    { path: 'relative' },
    { path: 'http://elsewhere/' },
    { path: '/a b' },
    { path: '/a\r\nX: 1' },
    { path: '/\u0100' },
    { path: '/a\0' },
    { method: 'GET /' },
    { method: 'GE\r\nT' },
    { method: '' },
    { headers: ['X-A', 'a\r\nX-B: b'] },
    { headers: ['X-A', 'a\nb'] },
    { headers: ['X-A', 'a\0'] },
    { headers: ['X-A', '\u0100'] },
    { headers: ['Host', 'a\r\nX-B: b'] },
    { headers: ['Host', 'a\r\nX-B: b'], areFieldsChecked: true },
    { headers: ['X A', 'a'] },
    { headers: ['X A', 'a'], areFieldsChecked: true },
    { headers: ['X-A:', 'a'] },
    { headers: ['X-A\r\nX-B', 'a'] },
    { headers: ['', 'a'] },
    { upgrade: 'websocket\r\nX: 1' },
    { upgrade: '' },
    { headers: ['Transfer-Encoding', 'chunked'] },
    { headers: ['Keep-Alive', 'timeout=5'] },
    { headers: ['Upgrade', 'h2c'] },
    { headers: ['Expect', '100-continue'] },
    { headers: ['Connection', 'x-a'] },
    { headers: ['Content-Length', '5', 'content-length', '5'] },
    { headers: ['Content-Length', '5, 5'] },
  ]) {
    test(JSON.stringify(options), () => {
      // Twice: what was refused once is not known as good.
      for (let turn = 0; turn < 2; turn += 1)
        assert.throws(() => write(options), { code: 'UND_ERR_INVALID_ARG' });
    });
  }
});
