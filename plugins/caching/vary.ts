import type { Fields } from '#sdk';
import { splitList } from './directives.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** The fields of a request that an answer depends on, in lower case, sorted; null when it is good for no other request. */
export function readVary(fields: Fields): readonly string[] | null {
  const text = fields.combined('vary');
  if (text === undefined) return none;
  const names = new Set<string>();
  for (const part of text.toLowerCase().split(',')) {
    const name = part.trim();
    if (name === '') continue;
    // `*`, and what is no name: nobody can say what it depends on (RFC 9111 section 4.1).
    if (name === '*' || !token.test(name)) return null;
    names.add(name);
  }
  return names.size === 0 ? none : [...names].toSorted();
}

const none: readonly string[] = [];

/** Values that mean the same are the same text; requests with equal texts get the same answer. */
export function selectingText(names: readonly string[], fields: Fields): string {
  let text = '';
  for (const name of names) {
    const value = fields.combined(name);
    text += value === undefined ? '-\n' : `+${normalized(name, value)}\n`;
  }
  return text;
}

/** Lists in which neither letter case nor order mean anything (RFC 9110 sections 12.5.3 and 12.5.4). */
const unordered: ReadonlySet<string> = new Set(['accept-language', 'accept-encoding', 'accept-charset']);
/** Not lists, and too dear to be taken for one another. */
const exact: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

function normalized(name: string, value: string): string {
  if (exact.has(name)) return value;
  const members = splitList(value).map((each) => each.trim());
  if (!unordered.has(name)) return members.join(',');
  return members
    .map((each) => each.toLowerCase().replaceAll(/[ \t]+/g, ''))
    .toSorted()
    .join(',');
}
