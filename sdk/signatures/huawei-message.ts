import { hash } from 'node:crypto';
import { flat } from '../flat.ts';
import type { SignedMessage } from './alibaba-message.ts';

/**
 * What a signature of Huawei Cloud API Gateway covers, taken from a request that came in or is about to go out; the body
 * takes part through its hash.
 *
 * `header` gives all lines of a repeated field joined by `, ` (RFC 9110 section 5.3), unlike the first alone: otherwise a
 * line added behind a signed one would be unsigned. `host` is the Host header, or `:authority`.
 */
export type HuaweiMessage = Pick<SignedMessage, 'method' | 'path' | 'rawQuery' | 'header'>;

/** The value of X-Sdk-Content-Sha256 that leaves the body out of the signature. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** `bodyHash` of no body. */
export const emptyBodyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const sdkDate = /^\d{8}T\d{6}Z$/;
const sdkDateLength = 16;
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** SHA-256 of the body as sent, in lower-case hexadecimal. */
export function bodyHash(body: Uint8Array): string {
  return body.length === 0 ? emptyBodyHash : hash('sha256', body, 'hex');
}

/**
 * Whether `verifyHuawei` needs the hash of the body. It does not when the client states one in X-Sdk-Content-Sha256: the
 * body is then read after the signature proved good, or not at all.
 */
export function isBodyHashNeeded(message: HuaweiMessage): boolean {
  return message.header('x-sdk-content-sha256') === undefined;
}

/**
 * Milliseconds since 1970 of an X-Sdk-Date, `YYYYMMDDTHHMMSSZ` in UTC. Undefined when it is anything else, a day that
 * does not exist, or a leap second.
 */
export function parseSdkDate(text: string): number | undefined {
  if (text.length !== sdkDateLength) return undefined;
  // Read twice for a request, and callers sign many in a second.
  if (text !== lastText) {
    lastTime = read(text);
    lastText = flat(text);
  }
  return lastTime;
}

function read(text: string): number | undefined {
  if (!sdkDate.test(text)) return undefined;
  const year = pairAt(text, 0) * 100 + pairAt(text, 2);
  const month = pairAt(text, 4);
  const day = pairAt(text, 6);
  const hour = pairAt(text, 9);
  const minute = pairAt(text, 11);
  const second = pairAt(text, 13);
  // Date.UTC takes a year below 100 for one of the twentieth century.
  if (year < 1000 || hour > 23 || minute > 59 || second > 59) return undefined;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lastDay = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0);
  if (day < 1 || day > lastDay) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

let lastText = '';
let lastTime: number | undefined;
let lastSecond = NaN;
let lastDate = '';

/**
 * The X-Sdk-Date of a time, without its milliseconds.
 * @throws RangeError when it is no time of the years 1000 to 9999
 */
export function formatSdkDate(timestampMs: number): string {
  // A busy gateway signs thousands of requests in a second, and the text costs half as much as the signature.
  const second = Math.floor(timestampMs / 1000);
  if (second !== lastSecond) {
    lastDate = format(timestampMs);
    lastSecond = second;
  }
  return lastDate;
}

function format(timestampMs: number): string {
  const iso = new Date(timestampMs).toISOString();
  const day = iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 10);
  const text = `${day}T${iso.slice(11, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`;
  if (parseSdkDate(text) === undefined) throw new RangeError(`not a time for X-Sdk-Date: ${timestampMs}`);
  return text;
}

/** The number that two digits make. */
function pairAt(text: string, index: number): number {
  return text.charCodeAt(index) * 10 + text.charCodeAt(index + 1) - 0x30 * 11;
}
