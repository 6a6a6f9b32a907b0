import { METHODS } from 'node:http';
import { isFieldValue } from '#sdk';
import { SentNames, withoutBlanks } from '../sent-names.ts';

/** A request that came whole, in one piece and alone, and that every reader of HTTP understands in the same way. */
export interface PlainRequest {
  readonly method: string;
  /** In origin form (RFC 9112 section 3.2.1). */
  readonly target: string;
  /** Names and values in turn, as they were sent. */
  readonly flat: string[];
  /** Null when there is none. */
  readonly content: Buffer | null;
  /** Whether the caller may send another one on the connection. */
  readonly isKept: boolean;
}

/** Heads that are longer are rare. */
const maxHeadBytes = 16 * 1024;

const unfitTarget = /[^\x21-\x7e]/;
const version = ' HTTP/1.1\r\n';

const methods = new Map(METHODS.filter((method) => method !== 'CONNECT').map((method) => [method, method]));

/** Fields that decide how a request is read. `other`: the request is not for here. */
const names = new SentNames<'length' | 'connection' | 'other'>({
  'content-length': 'length',
  connection: 'connection',
  expect: 'other',
  'transfer-encoding': 'other',
  upgrade: 'other',
});

/**
 * Reads the request that a chunk is. Undefined for everything that is not whole, not alone, wrong, or out of the ordinary
 * (chunked content, HTTP/1.0, an upgrade, `Expect`, the absolute form, two lengths, ...): that is for a reader that
 * knows all of HTTP.
 */
export function readPlainRequest(chunk: Buffer): PlainRequest | undefined {
  const text = chunk.toString('latin1', 0, Math.min(chunk.length, maxHeadBytes));
  const headEnd = text.indexOf('\r\n\r\n');
  const lineEnd = text.indexOf('\r\n');
  const blank = text.indexOf(' ');
  if (headEnd < 0 || !text.startsWith(version, lineEnd + 2 - version.length)) return undefined;
  const method = readMethod(text, blank);
  const target = text.slice(blank + 1, lineEnd + 2 - version.length);
  if (method === undefined || !target.startsWith('/') || unfitTarget.test(target)) return undefined;
  const fields = readFields(text, lineEnd + 2, headEnd + 2);
  if (fields === undefined) return undefined;
  const { flat, length, isKept } = fields;
  const start = headEnd + 4;
  if (start + length !== chunk.length) return undefined;
  return { method, target, flat, content: length === 0 ? null : chunk.subarray(start), isKept };
}

/** Most requests have the method of the one before. */
let lastMethod = 'GET';

function readMethod(text: string, end: number): string | undefined {
  if (end === lastMethod.length && text.startsWith(lastMethod)) return lastMethod;
  const method = methods.get(text.slice(0, end));
  if (method !== undefined) lastMethod = method;
  return method;
}

/** Lines of fields, each ended by CRLF. */
function readFields(text: string, from: number, to: number) {
  const flat: string[] = [];
  let length: number | undefined;
  let connection: string | undefined;
  for (let start = from; start < to;) {
    const end = text.indexOf('\r\n', start);
    const name = names.read(text, start, flat.length / 2);
    if (name === undefined) return undefined;
    const colon = start + name.text.length;
    const value = withoutBlanks(text, colon + 1, end);
    if (colon >= end || !isFieldValue(value)) return undefined;
    flat.push(name.text, value);
    start = end + 2;
    if (name.meaning === undefined) continue;
    if (name.meaning === 'length' && length === undefined && /^\d{1,15}$/.test(value)) length = Number(value);
    else if (name.meaning === 'connection' && connection === undefined) connection = value.toLowerCase();
    else return undefined;
  }
  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') return undefined;
  return { flat, length: length ?? 0, isKept: connection !== 'close' };
}
