const MAX_LISTED = 20;

/**
 * What to say when a configuration names what does not exist:
 * `allowed: method, path; did you mean "method"?`, the second half only if a known name is near.
 */
export function describeAllowed(known: Iterable<string>, word: string): string {
  const names = [...known];
  if (names.length === 0) return 'nothing is allowed here';
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  const near = nearest(word, names);
  const question = near === undefined ? '' : `; did you mean "${near}"?`;
  return `allowed: ${names.slice(0, MAX_LISTED).join(', ')}${more}${question}`;
}

/** The known name that `word` was probably meant to be: at most a third of it mistyped, letter case aside. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const name of known) {
    const limit = Math.min(3, Math.floor((Math.max(word.length, name.length) + 1) / 3), bestDistance - 1);
    const distance = editDistance(word.toLowerCase(), name.toLowerCase(), limit);
    if (distance > limit) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours; Infinity as soon as it must exceed `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = cell(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? cell(beforeLast, j - 2) + 1 : Infinity;
      row.push(Math.min(replaced, cell(last, j) + 1, cell(row, j - 1) + 1, swapped));
    }
    if (Math.min(...row) > limit) return Infinity;
    [beforeLast, last] = [last, row];
  }
  return cell(last, b.length);
}

function cell(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
