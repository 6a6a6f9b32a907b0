import { type Exchange, Fields, Params, decodePath, perConnectionFields } from '#sdk';
import type { Identity } from './options.ts';

/** What the service is told of a caller. */
export interface Told {
  readonly headers: Fields;
  readonly rawQuery: string;
  /** Content made of identities; undefined when none of them goes there. */
  readonly form: string | undefined;
  /** What a decision may be kept by. */
  readonly values: readonly (readonly string[])[];
}

/** Reads identities; undefined when one that is required is missing or empty. */
export type ReadIdentities = (exchange: Exchange) => Told | undefined | Promise<Told | undefined>;

const about: ReadonlySet<string> = new Set([...perConnectionFields, 'content-type', 'content-encoding']);

/** Reads what the list names; every header field and query parameter when it names nothing. */
export function compileIdentities(identities: readonly Identity[]): ReadIdentities {
  if (identities.length === 0) return everything;
  if (!identities.some((each) => each.in === 'form'))
    return (exchange) => read(identities, exchange, Params.empty);
  return async (exchange) => read(identities, exchange, await exchange.readForm());
}

function everything({ headers, rawQuery }: Exchange): Told {
  const all = headers.clone();
  all.deleteAll(about);
  return { headers: all, rawQuery, form: undefined, values: [] };
}

function read(identities: readonly Identity[], exchange: Exchange, form: Params): Told | undefined {
  const headers = new Fields();
  const query: string[] = [];
  const content: string[] = [];
  const all: (readonly string[])[] = [];
  for (const identity of identities) {
    const values = stripped(valuesOf(identity, exchange, form), identity.stripPrefix);
    // An empty value identifies nobody.
    if (identity.required && (values.length === 0 || values.includes(''))) return undefined;
    all.push(values);
    const { in: place, name } = identity.as ?? identity;
    for (const value of values) {
      if (place === 'header') headers.append(name, printable(value));
      else (place === 'form' ? content : query).push(pair(name, value));
    }
  }
  const isForm = identities.some(({ as }) => as?.in === 'form');
  return { headers, rawQuery: query.join('&'), form: isForm ? content.join('&') : undefined, values: all };
}

function valuesOf(
  { in: place, name }: Identity,
  { headers, query, cookies, pathValues }: Exchange,
  form: Params,
): string[] {
  switch (place) {
    case 'query':
      return query.getAll(name);
    case 'form':
      return form.getAll(name);
    case 'cookie':
      return [cookies.get(name)].filter((value) => value !== undefined);
    case 'path':
      return [pathValues.get(name)].filter((value) => value !== undefined).map(decodePath);
    case 'header':
    default:
      return headers.getAll(name);
  }
}

function stripped(values: readonly string[], prefix: string | undefined): readonly string[] {
  if (prefix === undefined) return values;
  const lower = prefix.toLowerCase();
  return values.map((value) =>
    value.toLowerCase().startsWith(lower) ? value.slice(prefix.length).trimStart() : value,
  );
}

/** Text of a query or a form as bytes of UTF-8, one character each; what a field cannot hold is percent-encoded. */
function printable(value: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value;
  return encodeURIComponent(value.toWellFormed());
}

const pair = (name: string, value: string): string =>
  `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`;
