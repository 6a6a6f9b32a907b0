const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const unfit = /[^\t\x20-\x7e\x80-\xff]/;

/** Tokens that were checked: the names of most header fields are the same ones all the time. */
const known = new Set<string>();
const maxKnown = 1000;
const maxKnownLength = 64;

/** Whether a text is a token (RFC 9110 section 5.6.2), as the names of header fields and methods are. */
export function isToken(text: string): boolean {
  if (known.has(text)) return true;
  if (!token.test(text)) return false;
  // A copy: a part of a text may hold all of it.
  if (known.size < maxKnown && text.length <= maxKnownLength)
    known.add(Buffer.from(text, 'latin1').toString('latin1'));
  return true;
}

/**
 * Whether a text, one character a byte, can be the value of a header field (RFC 9110 section 5.5): CR or LF would let
 * whoever chose it write fields, or a whole second message, of their own.
 */
export function isFieldValue(text: string): boolean {
  return !unfit.test(text);
}
