import { STATUS_CODES } from 'node:http';
import { isFieldValue, isToken } from '#sdk';
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
export function writeAnswerHead(status: number, flat: readonly string[], framing: AnswerFraming): string {
  let text = statusLine(status);
  let hasDate = false;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'date') hasDate = true;
    text += fieldLine(name, flat[index + 1] ?? '');
  }
  // RFC 9110 section 6.6.1.
  if (!hasDate) text += dateLine();
  const { isChunked, keptSeconds } = framing;
  if (isChunked) text += 'Transfer-Encoding: chunked\r\n';
  return keptSeconds === null
    ? `${text}Connection: close\r\n\r\n`
    : `${text}Connection: keep-alive\r\nKeep-Alive: timeout=${keptSeconds}\r\n\r\n`;
}

/**
 * The head of an interim answer. `writeEarlyHints` knows one status and checks `link` values in its own way; a proxy
 * passes on what it got.
 * @throws TypeError for a field that would not arrive as it was meant
 */
export function writeInterimHead(status: number, flat: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Information'}\r\n`;
  for (let index = 0; index < flat.length; index += 2)
    text += fieldLine(flat[index] ?? '', flat[index + 1] ?? '');
  return `${text}\r\n`;
}

/** @throws TypeError */
export function fieldLine(name: string, value: string): string {
  if (!isToken(name)) throw new TypeError(`not a header field name: ${JSON.stringify(name)}`);
  if (!isFieldValue(value)) throw new TypeError(`header field ${name}: control characters are not allowed`);
  return `${name}: ${value}\r\n`;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reason(status) ?? STATUS_CODES[status] ?? 'unknown'}\r\n`;
}

let dateSecond = 0;
let dateText = '';

function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateText;
}
