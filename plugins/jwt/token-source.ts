import type { Exchange } from '#sdk';

/** What a request has where its token should be: nothing, a token, or something that is none. */
export type Found = undefined | string | typeof unreadable;

/** More than one token, or one without its prefix. */
export const unreadable = Symbol('unreadable');

export type TokenSource = (exchange: Exchange) => Found | Promise<Found>;

export interface TokenPlace {
  readonly in: 'header' | 'query' | 'cookie' | 'form';
  readonly name: string;
  readonly prefix: string;
  readonly prefixRequired: boolean;
}

/** Makes the reader of a request's token. */
export function tokenSource(place: TokenPlace): TokenSource {
  const { name } = place;
  const lower = name.toLowerCase();
  switch (place.in) {
    case 'header':
      return headerSource(lower, place);
    case 'query':
      return ({ query }) => only(query.getAll(name));
    case 'form':
      return async (exchange) => only((await exchange.readForm()).getAll(name));
    case 'cookie':
    default:
      return ({ cookies }) => {
        const values: string[] = [];
        for (const [each, value] of cookies) if (each.toLowerCase() === lower) values.push(value);
        return only(values);
      };
  }
}

function only(values: readonly string[]): Found {
  if (values.length > 1) return unreadable;
  return values[0] === '' ? undefined : values[0];
}

function headerSource(lower: string, { prefix, prefixRequired }: TokenPlace): TokenSource {
  const start = prefix.toLowerCase();
  // `Bearerx` begins with no `Bearer`; `key=x` does with `key=`.
  const isWord = /[A-Za-z0-9]$/.test(prefix);
  return ({ headers }) => {
    // Several lines are one value with commas, which no token has.
    const value = headers.combined(lower)?.trim() ?? '';
    if (value === '') return undefined;
    if (start === '') return value;
    if (value.slice(0, start.length).toLowerCase() === start) {
      const rest = value.slice(start.length);
      const token = rest.trimStart();
      // A prefix with nothing behind it is no token at all.
      if (token === '') return undefined;
      if (!isWord || token.length < rest.length) return token;
    }
    return prefixRequired ? unreadable : value;
  };
}
