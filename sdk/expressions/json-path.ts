import { refuse } from './expression-error.ts';

/** A path into a JSON document, from its root: a string names an object's member, a number an array's element. */
export type JsonPath = readonly (string | number)[];

const step =
  /\.(?<name>[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)|\[(?:'(?<single>[^']+)'|"(?<double>[^"]+)"|(?<index>0|[1-9][0-9]{0,8}))\]/y;

/**
 * Parses the part of JSONPath (RFC 9535) that names one value: `$`, `.name`, `['name']`, `["name"]`, `[0]`.
 * Anything that can select several values (`*`, `..`, slices, filters), negative indices and escapes inside
 * quotes are refused with an {@link ExpressionError} whose offset is `offset` plus the position in `text`.
 */
export function parseJsonPath(text: string, offset: number): JsonPath {
  if (!text.startsWith('$'))
    refuse(`found ${quoted(text)} where a JSONPath starting with "$" is expected`, offset);
  const path: (string | number)[] = [];
  let position = 1;
  while (position < text.length) {
    step.lastIndex = position;
    const groups = step.exec(text)?.groups;
    if (groups === undefined) return refuse(explain(text.slice(position)), offset + position);
    const { name, single, double, index } = groups;
    path.push(name ?? single ?? double ?? Number(index));
    position = step.lastIndex;
  }
  return path;
}

/**
 * Reads the value at `path` of a parsed JSON `document`; undefined when there is none, null for a JSON null.
 * An object or array is given as its JSON text. Only own members count, so `$.constructor` finds nothing.
 */
export function readJsonPath(
  document: unknown,
  path: JsonPath,
): string | number | boolean | null | undefined {
  let value = document;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) !== (typeof key === 'number') || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null ? null : JSON.stringify(value);
}

function quoted(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text);
}

function explain(rest: string): string {
  const found = JSON.stringify(rest.slice(0, 12));
  return `found ${found} in a JSONPath where .name, ['name'], [0] or the end is expected`;
}
