import type { Path } from './problems.ts';

/** mulberry32: small, seeded, good enough to mutate text with. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Each value in another, and where it stands. */
export function visit(value: unknown, path: Path, each: (path: Path) => void): void {
  each(path);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, child] of Object.entries(value)) visit(child, [...path, name], each);
}
