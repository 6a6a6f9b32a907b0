import { Fields } from './fields.ts';
import { perConnectionFields } from './per-connection.ts';

/** Fields that say who handled a message: another word there would be believed, or hide a loop. */
const gatewayFields: ReadonlySet<string> = new Set(['via', 'x-ca-request-id', 'x-request-id']);

/** Fields of the connection and the framing that are in answers alone; `Date` is written by whoever sends. */
const answerFields: ReadonlySet<string> = new Set(['date', 'proxy-authenticate']);

/**
 * Why the configuration of a plugin may not set or remove this header field, or undefined when it may: it is no name, or
 * it belongs to the connection, the framing (RFC 9110 section 7.6.1, RFC 9112 section 6) or the gateway itself.
 * @param of the message it is a field of: a request to a backend, or an answer to a caller
 */
export function fieldNameProblem(name: string, of: 'request' | 'answer'): string | undefined {
  if (!isField(name, '')) return `${JSON.stringify(name)} is no header name (a token of RFC 9110)`;
  const lower = name.toLowerCase();
  const isReserved =
    perConnectionFields.has(lower) ||
    gatewayFields.has(lower) ||
    (of === 'answer' && answerFields.has(lower));
  return isReserved
    ? `${JSON.stringify(name)} is written by the gateway itself; allowed: other header fields`
    : undefined;
}

/** A field's name as CGI and its kind tell names apart: without regard to letter case, and to `-` and `_`. */
export function variableName(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

/**
 * Removes every field that a backend may take for one of these: whoever writes a field that backends trust must not leave
 * a caller's `X_User` beside its own `X-User`.
 * @param names as `variableName` has them
 */
export function deleteLike(fields: Fields, names: ReadonlySet<string>): void {
  fields.deleteWhere((name) => names.has(variableName(name)));
}

/** Why a text cannot be the value of a header field, or undefined when it can. Never shows it. */
export function fieldValueProblem(value: string): string | undefined {
  return isField('x', value) ? undefined : 'control characters are not allowed in a header field';
}

/** Values in header fields are cut here, lest what a caller sent make the head of an answer too large. */
const longestValue = 4096;

/**
 * A text as the value of a header field: UTF-8, one character a byte as `Fields` has it, control characters
 * percent-encoded, since CR and LF would let whoever chose the text write fields of its own; 4096 characters at most.
 */
export function fieldValue(text: string): string {
  const clean = text
    .slice(0, longestValue)
    .toWellFormed()
    .replace(
      /[\x00-\x1f\x7f]/g,
      (control) => `%${control.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
  return Buffer.from(clean, 'utf8').toString('latin1');
}

function isField(name: string, value: string): boolean {
  try {
    new Fields().append(name, value);
    return true;
  } catch {
    return false;
  }
}
