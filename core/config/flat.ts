/** V8 keeps a shorter part of a text as a text of its own. */
const shortText = 13;

/** A part of a text keeps the whole text in memory: one API that never changes would keep every file it ever stood in. */
export function flat(text: string): string {
  if (text.length < shortText) return text;
  const same = Buffer.from(text, 'latin1').toString('latin1');
  return same === text ? same : Buffer.from(text, 'utf16le').toString('utf16le');
}
