/**
 * Whether an object somewhere in a JSON text has a member twice: of two, one reader takes the first and another the last
 * (RFC 8259 section 4), so that who checks may see something else than who acts.
 *
 * @param text is JSON
 */
export function hasTwinMembers(text: string): boolean {
  // The names of each open object; null for a list.
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]/g)) {
    const names = open.at(-1) ?? null;
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (token !== ',' && isName && names !== null) {
      const name = JSON.parse(token) as string;
      if (names.has(name)) return true;
      names.add(name);
    }
    isName = token === '{' || (token === ',' && names !== null);
  }
  return false;
}
