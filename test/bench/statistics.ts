export function median(numbers: readonly number[]): number {
  return percentile(
    numbers.toSorted((a, b) => a - b),
    50,
  );
}

/**
 * The value that `percent` of the numbers do not exceed; between two of them, on the line from one to the other.
 * @param sorted in ascending order; NaN when there are none
 */
export function percentile(sorted: readonly number[], percent: number): number {
  const place = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) return NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** What one thing took over what another took, round by round; the median of it. */
export function ratioWithinRounds(ones: readonly number[], others: readonly number[]): number {
  return median(pairs(ones, others).map(([one, other]) => one / other));
}

/** By how much one thing exceeded another, round by round; the median of it. */
export function differenceWithinRounds(ones: readonly number[], others: readonly number[]): number {
  return median(pairs(ones, others).map(([one, other]) => one - other));
}

function pairs(ones: readonly number[], others: readonly number[]): [number, number][] {
  return ones.flatMap((one, round) => {
    const other = others[round];
    return other === undefined ? [] : [[one, other] as [number, number]];
  });
}

export interface Latencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export function toLatencies(values: readonly number[]): Latencies {
  const sorted = values.toSorted((a, b) => a - b);
  const [p50, p90, p99] = [50, 90, 99].map((percent) => percentile(sorted, percent));
  return { p50: p50 ?? NaN, p90: p90 ?? NaN, p99: p99 ?? NaN, max: sorted.at(-1) ?? NaN };
}
