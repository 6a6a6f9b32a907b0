import { textOf } from './alibaba-message.ts';
import type { HuaweiMessage } from './huawei-message.ts';
import { unescapeBytes } from './percent.ts';

/** The most parameters that a query may carry. */
export const maxQueryParameters = 10_000;

interface Pair {
  /** Decoded, which is what the order goes by. */
  readonly name: string;
  readonly value: string;
  /** `name=value` as it stands in the canonical request. */
  readonly text: string;
}

interface Component {
  readonly plain: string;
  readonly encoded: string;
}

const unreserved = /^[A-Za-z0-9\-._~]*$/;
const plainPath = /^[A-Za-z0-9\-._~/]*$/;
const beyondLatin1 = /[^\x00-\xff]/;
const space = 0x20;

const encodedByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return unreserved.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

/**
 * The path with every segment percent-encoded and `/` at the end. An escaped slash stays one, so that `/a%2Fb` and `/a/b`
 * are two paths.
 * @param reading `decoded`: escapes are undone first; `raw`: an escape is text, and its `%` is encoded again.
 */
export function canonicalUri(path: string, reading: 'decoded' | 'raw'): string {
  let uri = path;
  if (!plainPath.test(path)) {
    const bytesOfSegment = reading === 'raw' ? bytesOf : decode;
    uri = path
      .split('/')
      .map((segment) => (unreserved.test(segment) ? segment : encode(bytesOfSegment(segment))))
      .join('/');
  }
  return uri.endsWith('/') ? uri : `${uri}/`;
}

/**
 * The query decoded (`+` is a blank), encoded again and sorted by decoded name, then value, in code-unit order; repeats
 * stay, `name` becomes `name=`, nothing between two `&` is passed over. Undefined beyond `maxQueryParameters`.
 */
export function canonicalQuery(rawQuery: string): string | undefined {
  if (rawQuery === '') return '';
  const pairs: Pair[] = [];
  for (let start = 0; start < rawQuery.length;) {
    const ampersand = rawQuery.indexOf('&', start);
    const end = ampersand < 0 ? rawQuery.length : ampersand;
    if (end > start) {
      if (pairs.length >= maxQueryParameters) return undefined;
      pairs.push(pairOf(rawQuery.slice(start, end)));
    }
    start = end + 1;
  }
  if (pairs.length > 1) pairs.sort(comparePairs);
  let text = '';
  for (const pair of pairs) text += text === '' ? pair.text : `&${pair.text}`;
  return text;
}

/** A line for each name, in the order given; empty for a header that the message does not have. */
export function canonicalHeaders(message: HuaweiMessage, names: readonly string[]): string {
  let text = '';
  for (const name of names) text += `${name}:${trimBlanks(textOf(message.header(name) ?? ''))}\n`;
  return text;
}

function pairOf(text: string): Pair {
  const equals = text.indexOf('=');
  const name = componentOf(equals < 0 ? text : text.slice(0, equals));
  const value = componentOf(equals < 0 ? '' : text.slice(equals + 1));
  return { name: name.plain, value: value.plain, text: `${name.encoded}=${value.encoded}` };
}

function componentOf(text: string): Component {
  if (unreserved.test(text)) return { plain: text, encoded: text };
  const bytes = decode(text.includes('+') ? text.replaceAll('+', ' ') : text);
  return { plain: bytes.toString('utf8'), encoded: encode(bytes) };
}

function comparePairs(left: Pair, right: Pair): number {
  return compare(left.name, right.name) || compare(left.value, right.value) || compare(left.text, right.text);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The bytes on the wire of what Node shows: one each, unless a test or a caller gives letters that have no such byte. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text, beyondLatin1.test(text) ? 'utf8' : 'latin1');
}

// Bytes and not text: two escapes that are no UTF-8 would both become U+FFFD, and one could be passed off as the other.
function decode(text: string): Buffer {
  const bytes = bytesOf(text);
  if (!text.includes('%')) return bytes;
  return unescapeBytes(bytes);
}

function encode(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes) text += encodedByte[byte] ?? '';
  return text;
}

// Blanks and tabs only: `trim` also takes U+00A0, and two values would then be one. No regular expression either, as
// one for the end is quadratic in the blanks.
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isBlank(unit: number): boolean {
  return unit === space || unit === 0x09;
}
