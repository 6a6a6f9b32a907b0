/** What the matcher asks of a text; a string has it. */
export type Searchable = Pick<string, 'length' | 'startsWith' | 'endsWith' | 'indexOf'>;

/**
 * Compiles a `like` pattern: `%` stands for any text, also none; all else, `_` and `\` included, for itself,
 * case-sensitively. The whole text has to match.
 *
 * There is no backtracking: each segment between two `%` is searched once, from where the one before ended,
 * since its leftmost place leaves the most room to the rest. A client's text cannot make this slow.
 */
export function compileLike(pattern: string): (text: Searchable) => boolean {
  const segments = pattern.split('%');
  const first = segments[0] ?? '';
  if (segments.length === 1) {
    return (text) => text.length === first.length && text.startsWith(first);
  }
  const last = segments.at(-1) ?? '';
  const middle = segments.slice(1, -1).filter((segment) => segment !== '');
  return (text) => {
    const end = text.length - last.length;
    if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const segment of middle) {
      const found = text.indexOf(segment, from);
      if (found < 0 || found + segment.length > end) return false;
      from = found + segment.length;
    }
    return true;
  };
}
