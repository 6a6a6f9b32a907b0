/** Comparing each item with each other one takes the square of their number. */
const mostUnique = 1000;

/** What is wrong with lists of unique items in a schema: a caller decides how long they are. */
export function unboundedLists(schema: unknown): string[] {
  const found: string[] = [];
  walk(schema, '', found);
  return found;
}

function walk(node: unknown, path: string, found: string[]): void {
  if (typeof node !== 'object' || node === null) return;
  const { uniqueItems, maxItems } = node as { uniqueItems?: unknown; maxItems?: unknown };
  if (uniqueItems === true && !(typeof maxItems === 'number' && maxItems <= mostUnique))
    found.push(
      `\`uniqueItems\` at ${path === '' ? 'the top' : path} needs \`maxItems\` of at most ${mostUnique} beside it`,
    );
  for (const [key, each] of Object.entries(node)) walk(each, `${path}/${key}`, found);
}
