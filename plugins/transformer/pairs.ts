import { Params } from '#sdk';

/** A change of the pairs of a query or a form. */
export type ChangePairs = (raw: string) => string;

/**
 * Compiles one change of pairs as they are on the wire. What is not concerned keeps its bytes and its place: a backend may
 * have signed it, or read it in another way than we do.
 */
export function compilePairs(
  action: 'set' | 'default' | 'add' | 'remove',
  name: string,
  value: string,
): ChangePairs {
  const pair = `${encode(name)}=${encode(value)}`;
  const isNamed = (part: string): boolean => part !== '' && nameOf(part) === name;
  const append = (raw: string): string => (raw === '' ? pair : `${raw}&${pair}`);
  switch (action) {
    case 'add':
      return append;
    case 'default':
      return (raw) => (raw.split('&').some(isNamed) ? raw : append(raw));
    case 'remove':
      return (raw) => without(raw, isNamed);
    case 'set':
    default:
      return (raw) => append(without(raw, isNamed));
  }
}

function without(raw: string, isNamed: (part: string) => boolean): string {
  const parts = raw.split('&');
  const kept = parts.filter((part) => !isNamed(part));
  return kept.length === parts.length ? raw : kept.join('&');
}

function nameOf(part: string): string {
  for (const [name] of Params.parse(part)) return name;
  return '';
}

// What is not well-formed was refused when it was loaded.
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
