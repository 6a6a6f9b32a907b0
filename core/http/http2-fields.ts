import type { OutgoingHttpHeaders } from 'node:http2';

/** Fields of HTTP/1.1 that HTTP/2 has none of (RFC 9113 section 8.2.2); Node refuses to send them. */
const notInHttp2: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const value = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * What an answer's head is sent with. Node checks no values: a line feed would pass, and of a character beyond Latin-1
 * only the low byte would be sent, which may be one.
 * @throws TypeError for a field that HTTP cannot carry
 */
export function responseHeaders(status: number, flat: readonly string[]): string[] {
  const pairs = [':status', String(status)];
  for (const [name, text] of sendable(flat)) {
    if (!isValid(name, text)) throw new TypeError(`not a field that can be sent: ${JSON.stringify(name)}`);
    pairs.push(name, text);
  }
  return pairs;
}

/** Of an interim answer, without which the final one is as good, what cannot be sent is left out. */
export function interimHeaders(status: number, flat: readonly string[]): OutgoingHttpHeaders {
  return Object.assign(trailerHeaders(flat), { ':status': String(status) });
}

/** Of trailers too: the answer that they belong to is out. */
export function trailerHeaders(flat: readonly string[]): OutgoingHttpHeaders {
  // Without a prototype, in which `constructor` would be found.
  const headers = Object.create(null) as Record<string, string[]>;
  for (const [name, text] of sendable(flat)) if (isValid(name, text)) (headers[name] ??= []).push(text);
  return headers;
}

/** Names are in lower case on the wire (RFC 9113 section 8.2). */
function* sendable(flat: readonly string[]): Iterable<[name: string, text: string]> {
  for (let index = 0; index < flat.length; index += 2) {
    const name = (flat[index] ?? '').toLowerCase();
    if (!notInHttp2.has(name)) yield [name, flat[index + 1] ?? ''];
  }
}

function isValid(name: string, text: string): boolean {
  return token.test(name) && value.test(text);
}
