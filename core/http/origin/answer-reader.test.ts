import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AnswerHead } from './answer-head.ts';
import { AnswerReader } from './answer-reader.ts';

/** What a reader tells of these bytes, cut into pieces of one size. */
function read(text: string, { method = 'GET', size = Infinity, end = false, most = 1000 } = {}) {
  const heads: AnswerHead[] = [];
  let content = '';
  let trailers: readonly string[] | undefined;
  let rest = '';
  const reader = new AnswerReader(
    {
      head(head, behind) {
        heads.push(head);
        rest = behind.toString('latin1');
        if (head.status === 101) reader.stop();
      },
      data: (chunk) => (content += chunk.toString('latin1')),
      end: (found) => (trailers = found),
    },
    most,
  );
  reader.expect(method);
  const bytes = Buffer.from(text, 'latin1');
  let error: unknown;
  try {
    for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
    if (end) assert.equal(reader.finish(), heads.at(-1)?.content === 'closed');
  } catch (caught) {
    error = caught;
  }
  return { heads, content, trailers, rest, error, isWhole: trailers !== undefined };
}

const sizes = [1, 2, 3, 7, Infinity];

suite('answers are the same in pieces of any size', () => {
  for (const size of sizes) {
    test(`a length, ${size}`, () => {
      const found = read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:\t a b \r\n\r\nhello', { size });
      assert.equal(found.error, undefined);
      assert.deepEqual(found.heads[0]?.flat, ['content-length', '5', 'x-a', 'a b']);
      assert.deepEqual([found.content, found.isWhole, found.heads[0]?.isKept], ['hello', true, true]);
    });

    test(`chunks with extensions and trailers, ${size}`, () => {
      const text =
        'Transfer-Encoding: Chunked\r\n\r\n5;a="b"\r\nhello\r\n0b \r\n world, yes\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n';
      const found = read(`HTTP/1.1 200 OK\r\n${text}`, { size });
      assert.equal(found.error, undefined);
      assert.equal(found.content, 'hello world, yes');
      assert.deepEqual(found.trailers, ['x-t', '1', 'x-u', '2']);
    });

    test(`until the end of the connection, ${size}`, () => {
      const found = read('HTTP/1.1 200 OK\r\n\r\nhello', { size, end: true });
      assert.deepEqual([found.content, found.isWhole, found.heads[0]?.isKept], ['hello', true, false]);
    });

    test(`interim answers before the final one, ${size}`, () => {
      const found = read('HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 \r\n\r\n', { size });
      assert.deepEqual(
        found.heads.map(({ status }) => status),
        [103, 204],
      );
      assert.ok(found.isWhole);
    });

    test(`lines that repeat, ${size}`, () => {
      const found = read('HTTP/1.1 204 No\r\nSet-Cookie: a\r\nset-cookie: b\r\nSET-COOKIE: c\r\n\r\n', {
        size,
      });
      assert.deepEqual(found.heads[0]?.flat, ['set-cookie', 'a', 'set-cookie', 'b', 'set-cookie', 'c']);
    });
  }
});

test('a name that every object has is a field like any other', () => {
  const { heads } = read('HTTP/1.1 204 No\r\nconstructor: a\r\n__proto__: b\r\ntoString: c\r\n\r\n');
  assert.deepEqual(heads[0]?.flat, ['constructor', 'a', '__proto__', 'b', 'tostring', 'c']);
});

test('what comes behind a switch of protocols is given on', () => {
  const { heads, rest } = read('HTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\nbytes');
  assert.deepEqual([heads[0]?.status, rest], [101, 'bytes']);
});

suite('answers without content', () => {
  for (const [method, head] of [
    ['HEAD', '200 OK\r\nContent-Length: 5'],
    ['GET', '204 No'],
    ['GET', '304 Not\r\nContent-Length: 5'],
    ['GET', '200 OK\r\nContent-Length: 0'],
  ] as const) {
    test(`${method} ${JSON.stringify(head)}`, () => {
      const found = read(`HTTP/1.1 ${head}\r\n\r\n`, { method });
      assert.deepEqual([found.error, found.isWhole, found.content], [undefined, true, '']);
    });
  }
});

suite('whether the connection can be used again', () => {
  for (const [head, isKept] of [
    ['HTTP/1.1 200 OK\r\nContent-Length: 0', true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive', true],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, close', false],
    ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive', false],
    ['HTTP/1.1 204 No\r\nContent-Length: 3', false],
    ['HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked', false],
    ['HTTP/1.1 200 OK', false],
  ] as const) {
    test(JSON.stringify(head), () => {
      assert.equal(read(`${head}\r\n\r\n`).heads[0]?.isKept, isKept);
    });
  }

  test('for how long is what the server says', () => {
    const kept = (line: string) => read(`HTTP/1.1 204 No\r\n${line}\r\n\r\n`).heads[0]?.keptMs;
    assert.equal(kept('Keep-Alive: max=5, timeout=7'), 7000);
    assert.equal(kept('Keep-Alive: max=5'), Infinity);
    assert.equal(kept('X: 1'), Infinity);
  });
});

suite('what two readers could understand differently is refused', () => {
  for (const text of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A : 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\n: 1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\nX-B: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\rX-B: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : 1\r\n\r\n',
  ]) {
    test(JSON.stringify(text), () => {
      for (const size of sizes) {
        const found = read(`${text}${' '.repeat(8)}`, { size });
        assert.ok(found.error instanceof Error, `in pieces of ${size}`);
        assert.equal(found.isWhole, false);
      }
    });
  }
});

test('bytes that nobody asked for are an error, and no part of the answer', () => {
  for (const size of sizes) {
    const found = read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n', { size });
    assert.deepEqual([found.content, found.isWhole], ['ok', true]);
    assert.ok(found.error instanceof Error);
  }
});

test('heads and trailers have a largest size, in pieces of any size', () => {
  const long = `X: ${'a'.repeat(1000)}\r\n`;
  for (const size of sizes) {
    for (const text of [
      `HTTP/1.1 200 OK\r\n${long}\r\n`,
      `HTTP/1.1 200 OK\r\n${long}`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${long}\r\n`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${'X: 1\r\n'.repeat(200)}\r\n`,
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;${'a'.repeat(5000)}\r\nhello\r\n`,
    ]) {
      const found = read(text, { size });
      assert.equal((found.error as { code?: string }).code, 'UND_ERR_HEADERS_OVERFLOW', text.slice(0, 60));
    }
  }
});

test('an answer that breaks off is not whole', () => {
  for (const text of [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n',
    'HTTP/1.1 200 OK\r\nContent-Len',
  ]) {
    const found = read(text, { end: true });
    assert.deepEqual([found.error, found.isWhole], [undefined, false]);
  }
});

test('what is kept between answers holds no heads', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const readers: AnswerReader[] = [];
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  for (let count = 0; count < 300; count += 1) {
    const reader = new AnswerReader(
      { head: () => undefined, data: () => undefined, end: () => undefined },
      200_000,
    );
    readers.push(reader);
    reader.expect('GET');
    // With a name that is remembered, too.
    const head = `x-some-new-name-${count}: 1\r\nX-Long: ${'x'.repeat(100_000)}`;
    reader.read(Buffer.from(`HTTP/1.1 204 No\r\n${head}\r\n\r\n`));
  }
  const kept = used() - before;
  assert.ok(kept < 5_000_000, `${kept} bytes of ${readers.length} heads`);
});
