const maxSuggestions = 3;
/** Names are short; a longer word is no misspelling and would only cost time. */
const maxWordLength = 64;

/** The nearest of the `candidates` that `word` may be a misspelling of, three at most; case is ignored. */
export function nearest(word: string, candidates: Iterable<string>): readonly string[] {
  if (word.length > maxWordLength) return [];
  let least = Math.max(1, Math.floor(word.length / 3));
  let found: string[] = [];
  for (const candidate of candidates) {
    const distance = distanceOf(word, candidate);
    if (distance < least) found = [];
    if (distance <= least) found.push(candidate);
    least = Math.min(least, distance);
  }
  return found.slice(0, maxSuggestions);
}

/** `, did you mean X or Y?` for a message; empty when there is nothing to suggest. */
export function didYouMean(suggestions: readonly string[]): string {
  return suggestions.length === 0 ? '' : `, did you mean ${suggestions.join(' or ')}?`;
}

/** Levenshtein distance, without regard to case. */
function distanceOf(left: string, right: string): number {
  const a = left.toLowerCase();
  const b = right.toLowerCase();
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const kept = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const changed = 1 + Math.min(previous[column] ?? 0, current[column - 1] ?? 0);
      current.push(Math.min(kept, changed));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
