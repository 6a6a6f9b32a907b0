import { isToken } from '../field-syntax.ts';
import { Remembered } from '../flat.ts';

/** The headers that a client says it signed (`X-Ca-Signature-Headers`). */
export interface SignedNames {
  /** Each spelling once, in the letter case of the list, in byte order: as they stand in the string to sign. */
  readonly listed: readonly string[];
  /** The same in lower case. */
  readonly lowerCase: readonly string[];
}

/** The most names that a list of signed headers may hold. */
export const maxSignedNames = 100;

/** Lower-case names that are never among the signed headers, whatever the list says: they have lines of their own, or none. */
export const neverListed: ReadonlySet<string> = new Set([
  'x-ca-signature',
  'x-ca-signature-headers',
  'accept',
  'content-md5',
  'content-type',
  'date',
]);

// Callers use a handful of lists, and reading one takes as long as an HMAC. Bounded, as the lists are a caller's choice.
const known = new Remembered(readList, 256, 512);

/**
 * Reads `X-Ca-Signature-Headers`: names between commas, blanks ignored, `neverListed` left out.
 *
 * Undefined when the list holds more than `maxSignedNames` names, or something that cannot be the name of a header: a
 * line made up by such a "name" could stand for another part of the string to sign.
 */
export function readSignedNames(list: string): SignedNames | undefined {
  return known.of(list);
}

function readList(list: string): SignedNames | undefined {
  const listed = parse(list);
  return listed && { listed, lowerCase: listed.map((name) => name.toLowerCase()) };
}

function parse(list: string): string[] | undefined {
  const parts = list.split(',', maxSignedNames + 1);
  if (parts.length > maxSignedNames) return undefined;
  const names: string[] = [];
  for (const part of parts) {
    const name = part.trim();
    if (name === '') continue;
    if (!isToken(name)) return undefined;
    if (!neverListed.has(name.toLowerCase()) && !names.includes(name)) names.push(name);
  }
  // Tokens are ASCII, where the order of UTF-16 units is that of the bytes.
  return names.sort();
}
