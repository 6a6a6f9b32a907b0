import { textOf, type SignedMessage } from './alibaba-message.ts';
import { unescapeBytes } from './percent.ts';

/** The most parameters that one message may carry, counted in the query and in the form each. */
export const maxParameters = 10_000;

/**
 * How parameters are written in a string to sign.
 * - `repeated`: the value that stands for a repeated name: the first, or all of them joined with commas.
 * - `empty`: a parameter with an empty value as `name` or as `name=`.
 */
export interface ParameterStyle {
  readonly repeated: 'first' | 'joined';
  readonly empty: 'bare' | 'equals';
}

const surrogate = /[\ud800-\udfff]/;

/**
 * Query and form as they stand in a string to sign: `?a=1&b=2`, decoded, sorted by name in the byte order of UTF-8, a
 * form field before a query parameter of the same name; '' when there are none. Undefined beyond `maxParameters`: what
 * is cut off would be unsigned.
 */
export function canonicalParameters(message: SignedMessage, style: ParameterStyle): string | undefined {
  const { form, rawQuery } = message;
  if (rawQuery === '' && (form === undefined || form.length === 0)) return '';
  const query = collect(textOf(rawQuery), style);
  const fields = form === undefined ? undefined : collect(formText(form), style);
  if (query === undefined || (fields === undefined && form !== undefined)) return undefined;
  for (const [name, value] of fields ?? []) query.set(name, value);
  return write(query, style);
}

/** Orders texts by their UTF-8 bytes, which is the order of their code points. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return codePointRank(a) - codePointRank(b);
  }
  return left.length - right.length;
}

// Surrogates stand for code points above U+FFFF, so they come after U+E000 to U+FFFF although their units are smaller.
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function formText(form: string | Uint8Array): string {
  if (typeof form === 'string') return form;
  return Buffer.from(form.buffer, form.byteOffset, form.byteLength).toString('utf8');
}

// A Map, since a name such as `__proto__` is the caller's choice.
function collect(text: string, style: ParameterStyle): Map<string, string> | undefined {
  const found = new Map<string, string>();
  let count = 0;
  for (let start = 0; start < text.length;) {
    const ampersand = text.indexOf('&', start);
    const end = ampersand < 0 ? text.length : ampersand;
    if (end > start) {
      if (++count > maxParameters) return undefined;
      addPair(found, text.slice(start, end), style);
    }
    start = end + 1;
  }
  return found;
}

function addPair(found: Map<string, string>, pair: string, style: ParameterStyle): void {
  const equals = pair.indexOf('=');
  const name = decode(equals < 0 ? pair : pair.slice(0, equals));
  const earlier = found.get(name);
  if (earlier !== undefined && style.repeated === 'first') return;
  const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
  found.set(name, earlier === undefined ? value : `${earlier},${value}`);
}

function write(parameters: Map<string, string>, style: ParameterStyle): string {
  const names = [...parameters.keys()];
  // The default order is that of UTF-16 units: native, fast, and the same unless there is a surrogate.
  if (names.length > 1) names.sort(names.some((name) => surrogate.test(name)) ? compareUtf8 : undefined);
  let text = '';
  for (const name of names) {
    const value = parameters.get(name) ?? '';
    const isBare = value === '' && style.empty === 'bare';
    text += `${text === '' ? '?' : '&'}${name}${isBare ? '' : `=${value}`}`;
  }
  return text;
}

// By bytes and not by decodeURIComponent, whose exceptions a caller could provoke ten thousand at a time.
function decode(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  const bytes = Buffer.from(spaced, 'utf8');
  return unescapeBytes(bytes).toString('utf8');
}
