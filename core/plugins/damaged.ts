import type { Path } from '../config/problems.ts';

/**
 * The entries of a configuration that have the wrong shape: known by name, but not to be read. The name `*` stands for
 * the whole of `listeners`, `limits` and `management`.
 */
export interface Damaged {
  has(section: string, name: string | number): boolean;
}

/** Sections whose other entries mean the same when one of them is left out. */
const divisible: ReadonlySet<string | number | undefined> = new Set([
  'apis',
  'groups',
  'plugins',
  'bindings',
]);
/** Sections that little else is checked against. */
const separate: ReadonlySet<string | number | undefined> = new Set(['listeners', 'limits', 'management']);

/**
 * Which entries to leave out so that everything else can still be checked, and all problems be told at once.
 * Undefined when too much is wrong for that.
 */
export function damagedEntries(misshapen: readonly Path[]): Damaged | undefined {
  const entries = new Set<string>();
  for (const [section, name] of misshapen) {
    if (separate.has(section)) {
      entries.add(`${section} *`);
      continue;
    }
    if (!divisible.has(section) || name === undefined) return undefined;
    entries.add(`${section} ${name}`);
  }
  return { has: (section, name) => entries.has(`${section} ${name}`) };
}
