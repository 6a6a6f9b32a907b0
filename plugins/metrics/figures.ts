import type { Completed } from '#sdk';

/** Upper bounds of the histograms, in seconds; what took longer has a bucket of its own. */
export const bucketSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

const boundsMs = Float64Array.from(bucketSeconds, (seconds) => seconds * 1000);

/** A histogram takes a sum (of milliseconds) and a place for each bucket. */
const histogramLength = 1 + boundsMs.length + 1;

/** Where each figure stands. */
export const place = {
  /** Answers of the classes 1xx to 5xx. */
  classes: 0,
  clientGone: 5,
  cut: 6,
  bytesReceived: 7,
  bytesSent: 8,
  duration: 9,
  backend: 9 + histogramLength,
} as const;

export const figureCount = place.backend + histogramLength;

/** All that is counted of one API, in one array: cheap to count in, to pass on and to add up. */
export type Figures = Float64Array;

export function newFigures(): Figures {
  return new Float64Array(figureCount);
}

/** Runs for every request. */
export function count(figures: Figures, notice: Completed): void {
  const { status, outcome } = notice;
  const digit = Math.trunc(status / 100);
  add(figures, place.classes + (digit >= 1 && digit <= 5 ? digit : 5) - 1, 1);
  if (outcome === 'client-gone') add(figures, place.clientGone, 1);
  else if (outcome === 'cut') add(figures, place.cut, 1);
  add(figures, place.bytesReceived, notice.bytesReceived);
  add(figures, place.bytesSent, notice.bytesSent);
  // A WebSocket lasts as long as its two sides like, which is nobody's latency.
  if (status !== 101) observe(figures, place.duration, notice.durationMs);
  if (notice.backendMs !== undefined) observe(figures, place.backend, notice.backendMs);
}

function observe(figures: Figures, at: number, ms: number): void {
  add(figures, at, ms);
  let bucket = 0;
  while (bucket < boundsMs.length && ms > (boundsMs[bucket] ?? 0)) bucket += 1;
  add(figures, at + 1 + bucket, 1);
}

function add(figures: Figures, at: number, amount: number): void {
  figures[at] = (figures[at] ?? 0) + amount;
}

/** A histogram as it is told: each bucket with those below it. */
export function histogramOf(figures: readonly number[], at: number) {
  const [sumMs = 0, ...buckets] = figures.slice(at, at + histogramLength);
  let below = 0;
  const cumulative = buckets.map((each) => (below += each));
  return { sumSeconds: sumMs / 1000, cumulative, count: below };
}
