import { flat, Remembered } from './flat.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const unfit = /[^\t\x20-\x7e\x80-\xff]/;
/** Of one range, which takes a third of the time. */
const unusual = /[^ -~]/;

/** Tokens that were checked, and what a line begins with: the names of most header fields are the same ones all the time. */
const known = new Remembered(
  // What is no text could be another name when it is asked again.
  (name) => (typeof name === 'string' && token.test(name) ? flat(`\r\n${name}: `) : undefined),
);

/** Whether a text is a token (RFC 9110 section 5.6.2), as the names of header fields and methods are. */
export function isToken(text: string): boolean {
  return lineStart(text) !== undefined;
}

/** What the line of a header field begins with, the end of the line before included; undefined when its name is no token. */
export function lineStart(name: string): string | undefined {
  return known.of(name);
}

/**
 * Whether a text, one character a byte, can be the value of a header field (RFC 9110 section 5.5): CR or LF would let
 * whoever chose it write fields, or a whole second message, of their own.
 */
export function isFieldValue(text: string): boolean {
  return !unusual.test(text) || !unfit.test(text);
}
