/** Answers of a server, valid or not, that nobody wrote by hand. */
type Random = (below: number) => number;

/** What of an answer reaches whoever asked. */
export interface Told {
  readonly interim: readonly number[];
  readonly status: number;
  /** Values by lower-case names, in order. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly content: string;
  readonly trailers: Readonly<Record<string, readonly string[]>>;
}

export interface OddAnswer {
  /** One character per byte. */
  readonly text: string;
  /** Whether the server closes behind it. */
  readonly isClosing: boolean;
  readonly told: Told;
}

type Mutable = Record<string, string[]>;

const names = [
  'X-A',
  'x-b',
  'X-a',
  'Set-Cookie',
  'set-cookie',
  'ETag',
  'constructor',
  '__proto__',
  '!#$%&',
  '7',
];
const values = ['', '1', 'a b', 'a\tb', '"quoted, with: colon"', 'x'.repeat(3000), '\xc3\xbc', 'a=b; Path=/'];
const blanks = ['', ' ', '\t', ' \t '];
const pieceSizes = [0, 1, 2, 15, 16, 17, 255, 4096, 70_000];
const statuses = [200, 200, 200, 201, 202, 203, 204, 205, 206, 301, 304, 400, 404, 418, 429, 500, 503, 599];
const reasons = ['', ' ', ' OK', ' two words', ' \xfc'];

function pick<T>(list: readonly T[], random: Random): T {
  return list[random(list.length)] as T;
}

/** An answer that is as odd as RFC 9112 allows. */
export function oddAnswer(method: string, random: Random): OddAnswer {
  const interim: number[] = [];
  let text = '';
  for (let count = random(4) === 0 ? 1 + random(3) : 0; count > 0; count -= 1) {
    const status = 102 + random(2);
    interim.push(status);
    text += `HTTP/1.1 ${status}${pick(reasons, random)}\r\n${fields(random, {})}\r\n`;
  }
  const status = pick(statuses, random);
  const isBare = method === 'HEAD' || status === 204 || status === 304;
  const headers: Mutable = {};
  const lines = fields(random, headers);
  const framed = isBare ? bare(method, status, headers, random) : content(headers, random);
  const minor = random(5) === 0 && !framed.isChunked ? 0 : 1;
  const connection = connectionLine(headers, framed.isClosing, random);
  const start = `HTTP/1.${minor} ${status}${pick(reasons, random)}\r\n`;
  return {
    text: `${text}${start}${lines}${connection}${framed.line}\r\n${framed.rest}`,
    isClosing:
      framed.isClosing || (minor === 0 && !/keep-alive/i.test(connection)) || /close/i.test(connection),
    told: { interim, status, headers, content: framed.content, trailers: framed.trailers },
  };
}

function fields(random: Random, found: Mutable): string {
  let lines = '';
  for (let count = random(5); count > 0; count -= 1) {
    const name = pick(names, random);
    const value = pick(values, random);
    lines += `${name}:${pick(blanks, random)}${value}${pick(blanks, random)}\r\n`;
    add(found, name, value);
  }
  return lines;
}

function add(found: Mutable, name: string, value: string): void {
  const lower = name.toLowerCase();
  const before = Object.hasOwn(found, lower) ? (found[lower] ?? []) : [];
  Object.defineProperty(found, lower, {
    value: [...before, value],
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

interface Framed {
  readonly line: string;
  readonly rest: string;
  readonly content: string;
  readonly trailers: Mutable;
  readonly isClosing: boolean;
  readonly isChunked: boolean;
}

const unframed: Framed = {
  line: '',
  rest: '',
  content: '',
  trailers: {},
  isClosing: false,
  isChunked: false,
};

function bare(method: string, status: number, headers: Mutable, random: Random): Framed {
  if (random(2) === 0 || (method !== 'HEAD' && status === 204)) return unframed;
  add(headers, 'Content-Length', '12');
  return { ...unframed, line: 'Content-Length: 12\r\n' };
}

function content(headers: Mutable, random: Random): Framed {
  const pieces = Array.from({ length: random(4) }, () => bytes(pick(pieceSizes, random), random));
  const whole = pieces.join('');
  switch (random(5)) {
    case 0:
      return { ...unframed, rest: whole, content: whole, isClosing: true };
    case 1:
    case 2: {
      add(headers, 'Content-Length', String(whole.length));
      return { ...unframed, line: `content-length: ${whole.length}\r\n`, rest: whole, content: whole };
    }
    default:
      return chunked(pieces, headers, random);
  }
}

const extensions = ['', ';a', ';a=b', ';a="b c;d"'];

function chunked(pieces: readonly string[], headers: Mutable, random: Random): Framed {
  const trailers: Mutable = {};
  const coding = pick(['chunked', 'Chunked', 'CHUNKED'], random);
  add(headers, 'Transfer-Encoding', coding);
  const chunks = pieces
    .filter((piece) => piece !== '')
    .map((piece) => {
      const size = piece.length.toString(16).padStart(random(4), '0');
      return `${random(2) === 0 ? size.toUpperCase() : size}${pick(extensions, random)}\r\n${piece}\r\n`;
    });
  const last = `${'0'.repeat(1 + random(3))}${pick(extensions, random)}\r\n`;
  const rest = `${chunks.join('')}${last}${random(2) === 0 ? fields(random, trailers) : ''}\r\n`;
  const line = `Transfer-Encoding: ${coding}\r\n`;
  return { ...unframed, line, rest, content: pieces.join(''), trailers, isChunked: true };
}

// Content that looks like an answer must not become one.
const looksLikeAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

function bytes(size: number, random: Random): string {
  if (random(4) === 0) return looksLikeAnswer.repeat(1 + random(3));
  const some = Array.from({ length: Math.min(size, 97) }, () => String.fromCharCode(random(256))).join('');
  return some.repeat(Math.ceil(size / 97)).slice(0, size);
}

function connectionLine(headers: Mutable, isClosing: boolean, random: Random): string {
  const choices = isClosing
    ? ['', 'close', 'Close, x-other']
    : ['', '', 'keep-alive', 'Keep-Alive, x-other', 'close'];
  const value = pick(choices, random);
  if (value === '') return '';
  add(headers, 'Connection', value);
  return `Connection: ${value}\r\n`;
}

/** Ways to spoil an answer that has content so that nobody can take it for a whole one. */
const spoilings: readonly ((random: Random) => string)[] = [
  () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
  () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  (random) =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${pick(['-2', '+2', '0x2', '2 2', '', '2,2', '1e9', '9'.repeat(20)], random)}\r\n\r\nok`,
  () => 'HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\n\r\n',
  (random) => `HTTP/1.1 200 OK\r\nX-A${pick([' ', '\t', '\0', '(', '\xfc'], random)}: 1\r\n\r\n`,
  (random) =>
    `HTTP/1.1 200 OK\r\nX-A: 1${pick(['\n', '\r', '\0', '\x7f', '\x0b'], random)}X-B: 2\r\nContent-Length: 2\r\n\r\nok`,
  (random) =>
    `${pick(['HTTP/1.2', 'HTTP/2.0', 'HTTP/1.10', 'http/1.1', 'ICY', 'HTTP/1.1 ', '\r\nHTTP/1.1', ' HTTP/1.1'], random)} 200 OK\r\nContent-Length: 2\r\n\r\nok`,
  (random) =>
    `HTTP/1.1 ${pick(['20', '2000', '2OO', '-20', '099', '\t200'], random)} OK\r\nContent-Length: 2\r\n\r\nok`,
  (random) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${pick(['g', '-1', '+1', '0x2', ' 2', '', '2;\0', '2\n', 'f'.repeat(17)], random)}\r\nok\r\n0\r\n\r\n`,
  (random) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok${pick(['o', '\n', '\r\r', ' \r\n', '0'], random)}\r\n0\r\n\r\n`,
  (random) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${pick(['x', 'X : 1', ': 1', 'X: \0', ' x: 1', 'X: 1\nY: 2'], random)}\r\n\r\n`,
  (random) => `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(140_000 + random(9))}\r\n\r\n`,
  (random) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(6000 + random(9))}\r\nok\r\n0\r\n\r\n`,
  (random) =>
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${'x'.repeat(140_000 + random(9))}\r\n\r\n`,
  () => '220 mail.example ESMTP\r\n\r\n',
  () => '<html>HTTP/0.9</html>\r\n\r\n',
];

/** An answer to GET that is none. */
export function spoiltAnswer(random: Random): { readonly text: string; readonly isClosing: boolean } {
  if (random(4) > 0) return { text: pick(spoilings, random)(random), isClosing: random(4) === 0 };
  // One that breaks off, where something else than the end of the connection would have ended it.
  for (;;) {
    const { text, isClosing } = oddAnswer('GET', random);
    if (!isClosing) return { text: text.slice(0, random(text.length - 1)), isClosing: true };
  }
}
