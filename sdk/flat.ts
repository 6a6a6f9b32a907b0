/** V8 keeps a shorter part of a text as a text of its own. */
const shortText = 13;

/**
 * The same text in memory of its own, for what is kept: a part of a text keeps the whole of it, be it a request or a
 * configuration.
 */
export function flat(text: string): string {
  if (text.length < shortText) return text;
  const same = Buffer.from(text, 'latin1').toString('latin1');
  return same === text ? same : Buffer.from(text, 'utf16le').toString('utf16le');
}
