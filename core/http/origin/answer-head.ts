/** An answer that is no HTTP/1.1. What it would mean is anybody's guess, and so is where the next one begins. */
export class MalformedAnswer extends Error {
  readonly code = 'HPE_MALFORMED_ANSWER';
}

/** Fields by their lower-case names, repeated ones as a list. Has no name that was not sent. */
export type HeaderTable = Record<string, string | string[]>;

/** How the content of an answer is delimited (RFC 9112 section 6.3). */
type Content = 'none' | 'chunked' | 'closed' | number;

export interface AnswerHead {
  readonly status: number;
  readonly headers: HeaderTable;
  readonly content: Content;
  /** Whether another request may follow on the connection. */
  readonly isKept: boolean;
  /** What the server says it keeps an idle connection for, in milliseconds; Infinity when it says nothing. */
  readonly keptMs: number;
}

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const unfit = /[^\t\x20-\x7e\x80-\xff]/;

/** Names as they were sent, checked and in lower case: servers send the same ones all the time. */
const knownNames = new Map<string, string>();
const maxKnownNames = 1000;
const maxKnownLength = 64;

/**
 * Reads the head of an answer, without the empty line behind it.
 * @throws MalformedAnswer for whatever two readers could understand differently
 */
export function readAnswerHead(text: string, method: string): AnswerHead {
  const end = lineEnd(text, 0);
  const [, minor, code] = statusLine.exec(text.slice(0, end)) ?? [];
  if (code === undefined) throw new MalformedAnswer('no status line');
  const status = Number(code);
  if (status < 100) throw new MalformedAnswer('no status');
  const headers = readFields(text, end + 2);
  const coding = one(headers['transfer-encoding']);
  const length = lengthOf(headers['content-length']);
  // One of the two is a lie, and which one is for each reader to guess (RFC 9112 section 6.1).
  if (coding !== undefined && length !== undefined) throw new MalformedAnswer('two framings');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new MalformedAnswer('an unknown transfer coding');
  const framing = coding !== undefined ? 'chunked' : (length ?? 'closed');
  const isBare = method === 'HEAD' || status === 204 || status === 304;
  const content = isBare || status < 200 ? 'none' : framing === 0 ? 'none' : framing;
  const connection = list(headers['connection']);
  const wantsKept = minor === '1' ? !connection.includes('close') : connection.includes('keep-alive');
  // Content that must not be there may follow all the same, and would be taken for the next answer.
  const isSuspect = isBare && (method === 'HEAD' || coding !== undefined || (length ?? 0) > 0);
  return {
    status,
    headers,
    content,
    isKept: wantsKept && content !== 'closed' && !isSuspect && !(coding !== undefined && minor === '0'),
    keptMs: keptMsOf(headers['keep-alive']),
  };
}

/** Lines of fields, each ended by CRLF but the last. @throws MalformedAnswer */
export function readFields(text: string, from: number): HeaderTable {
  const headers = new Table();
  for (let start = from; start < text.length;) {
    const end = lineEnd(text, start);
    const colon = text.indexOf(':', start);
    if (colon < 0 || colon >= end) throw new MalformedAnswer('a line that is no field');
    const name = lowerCase(text.slice(start, colon));
    const value = trimmed(text, colon + 1, end);
    if (unfit.test(value)) throw new MalformedAnswer('a control character in a field');
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
    start = end + 2;
  }
  return headers;
}

/** An object without inherited names that V8 keeps as fast as one with them. */
const Table = function Table() {
  // Nothing of its own.
} as unknown as new () => HeaderTable;
Table.prototype = Object.create(null);

// Not `trim`, which takes other characters off that are not allowed there.
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end < 0 ? text.length : end;
}

function lowerCase(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!token.test(name)) throw new MalformedAnswer('a name that is no token');
  const lower = name.toLowerCase();
  // A copy: a part of a text holds all of it.
  if (knownNames.size < maxKnownNames && name.length <= maxKnownLength)
    knownNames.set(Buffer.from(name, 'latin1').toString('latin1'), lower);
  return lower;
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}

function list(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (one(value) ?? '')
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
}

function lengthOf(value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value))
    throw new MalformedAnswer('a length that is none');
  return Number(value);
}

function keptMsOf(value: string | string[] | undefined): number {
  const [, seconds] = /(?:^|,)\s*timeout=(\d{1,9})/i.exec(one(value) ?? '') ?? [];
  return seconds === undefined ? Infinity : Number(seconds) * 1000;
}
