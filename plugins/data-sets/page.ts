import type { ManagementAnswer, ManagementRequest } from '#sdk';
import { describeAllowed } from '#sdk';
import type { ValueSet } from './sets.ts';

const maxShown = 1_000;

/** What is told of a set wherever sets are listed. */
export function summaryOf(set: ValueSet): Readonly<Record<string, unknown>> {
  const expiring = set.entries().filter(([, expires]) => expires !== Infinity);
  const next = expiring.reduce((first, [, expires]) => Math.min(first, expires), Infinity);
  return {
    name: set.name,
    type: set.type,
    items: set.entries().length,
    expiring: expiring.length,
    ...(next !== Infinity && { nextExpiry: timeOf(next) }),
  };
}

/**
 * `/data-sets`: all sets, with counts; `?name=x`: the first thousand items of one; `?name=x&item=y`: whether that is in it.
 * What is in a set of users and passwords is never told, nor whether something is.
 */
export function answerPage(
  sets: ReadonlyMap<string, ValueSet>,
  { query }: ManagementRequest,
): ManagementAnswer {
  const name = query.get('name');
  if (name === undefined) return json(200, { dataSets: [...sets.values()].map(summaryOf) });
  const set = sets.get(name);
  if (set === undefined) {
    return json(404, { error: `there is no data set "${name}"; ${describeAllowed(sets.keys(), name)}` });
  }
  const item = query.get('item');
  if (set.type === 'BASIC_AUTH_ACCESS') {
    return item === undefined
      ? json(200, summaryOf(set))
      : json(403, { error: 'what is in a set of type BASIC_AUTH_ACCESS is not told' });
  }
  if (item !== undefined) return json(200, { name, item, has: set.has(item) });
  const shown = set.entries().slice(0, maxShown);
  return json(200, {
    ...summaryOf(set),
    values: shown.map(([value, expires]) =>
      expires === Infinity ? { value } : { value, expires: timeOf(expires) },
    ),
  });
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function json(status: number, content: unknown): ManagementAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n` };
}
