// Values are kept as bytes, one character (0 to 255) each, as Node shows header fields: what a caller sent arrives
// unchanged at the backend, whether it is UTF-8 or not.

/** The UTF-8 bytes of a text, one character each. */
export function toBytes(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Undoes percent-encoding, byte by byte; a malformed sequence stays as it stands. */
export function percentDecode(text: string): string {
  const bytes = /[^\x00-\xff]/.test(text) ? toBytes(text) : text;
  if (!bytes.includes('%')) return bytes;
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_sequence, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

// The guide's lists (3.2.1, constant parameters), and to both the three visible characters they leave out that no
// URI may hold (RFC 3986 section 2): " ` |. A backend that decodes gets the same value either way.
const unsafeInPath = /[\x00-\x20\x7f-\xff?<>/%#[\]\\^{}"`|]/g;
const unsafeInQuery = /[\x00-\x20\x7f-\xff>=<+&%#[\]\\^{}"`|]/g;

/** Percent-encodes a value for one place in a path. */
export function encodePathValue(bytes: string): string {
  return bytes.replace(unsafeInPath, percentEncode);
}

/** Percent-encodes a name or a value for a query string. */
export function encodeQueryValue(bytes: string): string {
  return bytes.replace(unsafeInQuery, percentEncode);
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Whether a text may be the value of a header field (RFC 9110 section 5.5): no CR, LF, NUL or other control. */
export function isFieldValue(bytes: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(bytes);
}

const dotSegment = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\;]|%2f|%5c)/i;

/** Whether a server that resolves `.` and `..` segments, encoded ones included, would serve another path. */
export function hasDotSegment(path: string): boolean {
  return (path.includes('.') || /%2e/i.test(path)) && dotSegment.test(path);
}
