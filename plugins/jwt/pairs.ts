import { Params } from '#sdk';

/** A query, or a form, without the pairs of these names, in any letter case, and with others behind; the rest stays as it was sent. */
export function withPairs(
  text: string,
  dropped: ReadonlySet<string>,
  added: readonly (readonly [name: string, value: string])[],
): string {
  const kept = text === '' ? [] : text.split('&').filter((pair) => !dropped.has(nameOf(pair)));
  // What is not well-formed would throw.
  const encode = (each: string): string => encodeURIComponent(each.toWellFormed());
  return [...kept, ...added.map(([name, value]) => `${encode(name)}=${encode(value)}`)].join('&');
}

function nameOf(pair: string): string {
  for (const [name] of Params.parse(pair)) return name.toLowerCase();
  return '';
}

/** A `Cookie` field without the cookies of this name, in any letter case; empty when none is left. */
export function withoutCookie(field: string, lowerName: string): string {
  return field
    .split(';')
    .filter((part) => (part.split('=', 1)[0] ?? '').trim().toLowerCase() !== lowerName)
    .join(';')
    .trim();
}
