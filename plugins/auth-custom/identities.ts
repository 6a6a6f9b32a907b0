import { type Exchange, type SetupKit, headerText } from '#sdk';
import { compilePattern } from '#sdk/patterns';
import { written } from './event.ts';
import type { Identity } from './options.ts';

/** Where a request says who calls it: the identity sources of an authorizer. */
export interface Identities {
  /** The values, one list for each source, as sent; undefined when one is missing or empty. */
  read(exchange: Exchange): readonly (readonly string[])[] | undefined;
  /** Whether they are of the form that is asked for. */
  match(values: readonly (readonly string[])[]): boolean;
}

type Report = SetupKit['problem'];

/** Compiles identity sources; what is wrong with them is reported. @param path of the list */
export function compileIdentities(
  identities: readonly Identity[],
  path: readonly (string | number)[],
  report: Report,
): Identities {
  reportNames(identities, path, report);
  const readers = identities.map(readerOf);
  const tests = identities.map(({ validation }, index) =>
    validation === undefined ? undefined : testOf(validation, [...path, index, 'validation'], report),
  );
  return {
    read(exchange) {
      const all: (readonly string[])[] = [];
      for (const read of readers) {
        const values = read(exchange);
        // An empty value identifies nobody.
        if (values.length === 0 || values.includes('')) return undefined;
        all.push(values);
      }
      return all;
    },
    // Of a source that comes several times all values must match: which one is meant is not for us to guess.
    match: (all) =>
      tests.every((test, index) => test === undefined || (all[index] ?? []).every((value) => test(value))),
  };
}

/** Header lines are one value, as the function sees them. */
function readerOf({ in: place, name }: Identity): (exchange: Exchange) => readonly string[] {
  if (place === 'query') return ({ query }) => query.getAll(name);
  const lower = name.toLowerCase();
  // Of what the function decides by, not of what the caller says: a decision is kept by it.
  const valueOf = written.get(lower);
  if (valueOf !== undefined) return (exchange) => [valueOf(exchange)];
  return ({ headers }) => {
    const value = headers.combined(lower);
    return value === undefined ? [] : [value];
  };
}

/** Stands where a pattern is wrong; a configuration with problems is never served. */
const never = (): boolean => false;

function testOf(
  pattern: string,
  path: readonly (string | number)[],
  report: Report,
): (value: string) => boolean {
  try {
    const test = compilePattern(pattern);
    return (value) => test(headerText(value));
  } catch (error) {
    report(path, error instanceof SyntaxError ? error.message : 'this is no regular expression');
    return never;
  }
}

function reportNames(
  identities: readonly Identity[],
  path: readonly (string | number)[],
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [index, { in: place, name }] of identities.entries()) {
    const isHeader = place === 'header';
    if (isHeader && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
      report([...path, index, 'name'], `found ${JSON.stringify(name)}; allowed: the name of a header field`);
    const key = `${place} ${isHeader ? name.toLowerCase() : name}`;
    if (seen.has(key)) report([...path, index], `the ${place} "${name}" is an identity source already`);
    seen.add(key);
  }
}
