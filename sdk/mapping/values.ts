import type { Exchange } from '../exchange.ts';
import { decodePath } from '../params.ts';
import { textOf } from '../signatures/alibaba-message.ts';
import { type DeclaredParameter, requestPathNames } from './declared.ts';

/** Reads the values of one parameter out of a request, as text. */
export type ReadValues = (exchange: Exchange) => readonly string[];

/**
 * Makes the reader of what a declared parameter stands for in a request: every value that the caller sent, decoded, or
 * its default; none when there is neither. Letter case of the name is ignored, as everywhere where parameters are declared.
 *
 * @param requestPath the path that the API is called by, with `{p}`
 */
export function declaredValues(parameter: DeclaredParameter, requestPath: string): ReadValues {
  const lower = parameter.name.toLowerCase();
  if (parameter.in === 'path') return pathValue(requestPathNames(requestPath).get(lower) ?? parameter.name);
  const fallback = parameter.default === undefined ? [] : [parameter.default];
  const read = parameter.in === 'header' ? headerValues(lower) : queryValues(lower);
  return (exchange) => {
    const values = read(exchange);
    return values.length === 0 ? fallback : values;
  };
}

/** As `declaredValues`, for a `{p}` of the request path that nothing is declared about. */
export function pathValue(name: string): ReadValues {
  return ({ pathValues }) => {
    const value = pathValues.get(name);
    return value === undefined ? [] : [decodePath(value)];
  };
}

function headerValues(lower: string): ReadValues {
  return ({ headers }) => headers.getAll(lower).map(textOf);
}

function queryValues(lower: string): ReadValues {
  return ({ query }) => {
    const values: string[] = [];
    for (const [name, value] of query) if (name.toLowerCase() === lower) values.push(value);
    return values;
  };
}
