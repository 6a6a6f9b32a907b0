import { STATUS_CODES } from 'node:http';
import { type Fields, isFieldValue } from '#sdk';
import { isChecked, lineStart, linesOf } from '#sdk/fields';
import { reason } from '../refuse-early.ts';

/** What a head says beside its status and fields. */
export interface AnswerFraming {
  readonly isChunked: boolean;
  /** For how long the connection is kept for another request, in seconds; null when it is closed. */
  readonly keptSeconds: number | null;
}

/**
 * The head of an answer as it goes on the wire. Whatever else delimits its content is among the fields.
 * @throws TypeError for a field that would not arrive as it was meant
 */
export function writeAnswerHead(status: number, fields: Fields, framing: AnswerFraming): string {
  const flat = linesOf(fields);
  const areChecked = isChecked(fields);
  let text = statusLine(status);
  let hasDate = false;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true;
    text += fieldLine(name, value, areChecked);
  }
  // RFC 9110 section 6.6.1.
  if (!hasDate) text += dateLine();
  const { isChunked, keptSeconds } = framing;
  if (isChunked) text += '\r\nTransfer-Encoding: chunked';
  return keptSeconds === null
    ? `${text}\r\nConnection: close\r\n\r\n`
    : `${text}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${keptSeconds}\r\n\r\n`;
}

/**
 * The head of an interim answer. `writeEarlyHints` knows one status and checks `link` values in its own way; a proxy
 * passes on what it got.
 * @throws TypeError for a field that would not arrive as it was meant
 */
export function writeInterimHead(status: number, flat: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Information'}`;
  for (let index = 0; index < flat.length; index += 2)
    text += fieldLine(flat[index] ?? '', flat[index + 1] ?? '');
  return `${text}\r\n\r\n`;
}

/**
 * A line with a field, behind the line before.
 * @throws TypeError for one that would not arrive as it was meant
 */
export function fieldLine(name: string, value: unknown, isFit = false): string {
  const start = lineStart(name);
  if (start === undefined) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  // Once: what is no text could be another one when it is asked again.
  const text = String(value);
  if (!isFit && !isFieldValue(text))
    throw new TypeError(`header field ${name}: control characters are not allowed`);
  return start + text;
}

const statusLines: string[] = [];

function statusLine(status: number): string {
  return (statusLines[status] ??=
    `HTTP/1.1 ${status} ${reason(status) ?? STATUS_CODES[status] ?? 'unknown'}`);
}

let dateSecond = 0;
let dateText = '';

function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `\r\nDate: ${new Date(second * 1000).toUTCString()}`;
  }
  return dateText;
}
