/** How content of a media type is turned into a value; undefined when nothing here reads it. */
export type Format = 'json' | 'form';

/** Of `type/subtype` in lower case, without parameters. */
export function formatOf(mediaType: string): Format | undefined {
  if (mediaType === 'application/x-www-form-urlencoded') return 'form';
  return /^application\/json$|^text\/json$|\+json$/.test(mediaType) ? 'json' : undefined;
}

const token = "[!#$%&'*+.^_`|~0-9a-z-]+";
const contentType = new RegExp(`^(${token}/${token})[ \\t]*((?:;[^]*)?)$`, 'i');
const charset = /;[ \t]*charset[ \t]*=[ \t]*"?([^\s";,]*)/gi;

/** A `Content-Type` (RFC 9110 section 8.3): its media type in lower case, and whether its text is what JSON is made of. */
export function readContentType(
  value: string,
): { readonly mediaType: string; readonly isUtf8: boolean } | undefined {
  const [, mediaType, parameters = ''] = contentType.exec(value.trim()) ?? [];
  if (mediaType === undefined) return undefined;
  // US-ASCII is UTF-8 that needs no more; of several, each has to be one of them.
  const isUtf8 = [...parameters.matchAll(charset)].every(([, name = '']) =>
    /^(?:utf-?8|us-ascii)$/i.test(name),
  );
  return { mediaType: mediaType.toLowerCase(), isUtf8 };
}

/** Which of the names says what is to be done with a media type: its own, then `type/*`, then any. */
export function nameFor(names: { has(name: string): boolean }, mediaType: string): string | undefined {
  const all = `${mediaType.slice(0, mediaType.indexOf('/'))}/*`;
  return [mediaType, all, '*/*'].find((name) => names.has(name));
}

/** Whether it may be written in a configuration: in lower case, without parameters. */
export function isMediaRange(text: string): boolean {
  return /^(?:[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:[a-z0-9][a-z0-9!#$&^_.+-]*|\*)|\*\/\*)$/.test(text);
}
