import { flat } from '#sdk/flat';
import { isFieldValue } from '#sdk';
import { SentNames, withoutBlanks } from '../sent-names.ts';

/** An answer that is no HTTP/1.1. What it would mean is anybody's guess, and so is where the next one begins. */
export class MalformedAnswer extends Error {
  readonly code = 'HPE_MALFORMED_ANSWER';
}

/** How the content of an answer is delimited (RFC 9112 section 6.3). */
type Content = 'none' | 'chunked' | 'closed' | number;

export interface AnswerHead {
  readonly status: number;
  /** Names in lower case and values in turn, in the order in which they were sent. */
  readonly flat: string[];
  /** Whether all of `flat` is known to be fit to be sent. */
  readonly areFieldsChecked: boolean;
  readonly content: Content;
  /** Whether it says itself how its content is delimited. */
  readonly isDelimited: boolean;
  /** Whether another request may follow on the connection. */
  readonly isKept: boolean;
  /** What the server says it keeps an idle connection for, in milliseconds; Infinity when it says nothing. */
  readonly keptMs: number;
}

const statusLine = /^HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/** Most answers have the one that the answer before had. */
let lastLine = { text: 'HTTP/1.1 200 OK', status: 200, isOld: false };

/** What fields of a head say of the message itself. */
type Fact = 'coding' | 'length' | 'connection' | 'keepAlive';
type Facts = Record<Fact, string | undefined>;

const noFacts = (): Facts => ({
  coding: undefined,
  length: undefined,
  connection: undefined,
  keepAlive: undefined,
});

const names = new SentNames<Fact>({
  connection: 'connection',
  'content-length': 'length',
  'keep-alive': 'keepAlive',
  'transfer-encoding': 'coding',
});

/**
 * Reads the head of an answer, without the empty line behind it.
 * @throws MalformedAnswer for whatever two readers could understand differently
 */
export function readAnswerHead(text: string, method: string): AnswerHead {
  const end = lineEnd(text, 0);
  const { status, isOld } = readStatusLine(text, end);
  const facts = noFacts();
  const flat = readLines(text, end + 2, facts);
  const { coding, connection } = facts;
  const length = lengthOf(facts.length);
  // One of the two is a lie, and which one is for each reader to guess (RFC 9112 section 6.1).
  if (coding !== undefined && length !== undefined) throw new MalformedAnswer('two framings');
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new MalformedAnswer('an unknown transfer coding');
  const framing = coding !== undefined ? 'chunked' : (length ?? 'closed');
  const isBare = method === 'HEAD' || status === 204 || status === 304;
  const content = isBare || status < 200 || framing === 0 ? 'none' : framing;
  const wantsKept = isOld
    ? has(connection, 'keep-alive') && !has(connection, 'close')
    : !has(connection, 'close');
  // Content that must not be there may follow all the same, and would be taken for the next answer.
  const isSuspect = isBare && (method === 'HEAD' || coding !== undefined || (length ?? 0) > 0);
  return {
    status,
    flat,
    areFieldsChecked: true,
    content,
    isDelimited: coding !== undefined || length !== undefined,
    isKept: wantsKept && content !== 'closed' && !isSuspect && !(coding !== undefined && isOld),
    keptMs: facts.keepAlive === undefined ? Infinity : keptMsOf(facts.keepAlive),
  };
}

function readStatusLine(text: string, end: number): typeof lastLine {
  if (end === lastLine.text.length && text.startsWith(lastLine.text)) return lastLine;
  const line = text.slice(0, end);
  const [, minor, code] = statusLine.exec(line) ?? [];
  if (code === undefined) throw new MalformedAnswer('no status line');
  const status = Number(code);
  if (status < 100) throw new MalformedAnswer('no status');
  // A copy: a part of a text holds all of it.
  lastLine = { text: flat(line), status, isOld: minor === '0' };
  return lastLine;
}

/** Lines of fields, each ended by CRLF but the last; as in `AnswerHead.flat`. @throws MalformedAnswer */
export function readFields(text: string): string[] {
  return readLines(text, 0, noFacts());
}

function readLines(text: string, from: number, facts: Facts): string[] {
  const flat: string[] = [];
  for (let start = from; start < text.length;) {
    const end = lineEnd(text, start);
    const name = names.read(text, start, flat.length / 2);
    if (name === undefined) throw new MalformedAnswer('a line that is no field');
    const colon = start + name.text.length;
    if (colon >= end) throw new MalformedAnswer('a line that is no field');
    const value = withoutBlanks(text, colon + 1, end);
    if (!isFieldValue(value)) throw new MalformedAnswer('a control character in a field');
    flat.push(name.lower, value);
    start = end + 2;
    if (name.meaning === undefined) continue;
    const before = facts[name.meaning];
    facts[name.meaning] = before === undefined ? value : `${before},${value}`;
  }
  return flat;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end < 0 ? text.length : end;
}

/** Whether a list has the word. */
function has(list: string | undefined, word: string): boolean {
  if (list === undefined || list.length < word.length) return false;
  const lower = list.toLowerCase();
  return lower.includes(',') ? lower.split(',').some((each) => each.trim() === word) : lower.trim() === word;
}

function lengthOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw new MalformedAnswer('a length that is none');
  return Number(value);
}

function keptMsOf(value: string): number {
  const [, seconds] = /(?:^|,)\s*timeout=(\d{1,9})/i.exec(value) ?? [];
  return seconds === undefined ? Infinity : Number(seconds) * 1000;
}
