import type { Outbound } from '../exchange.ts';
import { type Reply, refuse } from '../reply.ts';
import { encodeQueryValue, isFieldValue, toBytes } from './bytes.ts';
import type { ParameterLocation } from './names.ts';
import type { Passing } from './passing.ts';
import type { Source, SourceRequest } from './sources.ts';

/** A place of the backend's request, and what goes there. */
export interface Target {
  /** As it is sent. */
  readonly name: string;
  /** Its bytes in lower case: names are case-insensitive. */
  readonly lower: string;
  readonly in: ParameterLocation;
  readonly source: Source;
}

/** Writes the query: what goes on as it came, then defaults, then what is mapped. */
export function writeQuery(outbound: Outbound, request: SourceRequest, passing: Passing): void {
  const pieces = request.query.without(passing.dropped);
  for (const { name, lower, value } of passing.defaults) {
    if (!request.query.has(lower))
      pieces.push(`${encodeQueryValue(toBytes(name))}=${encodeQueryValue(value)}`);
  }
  for (const { name, source } of passing.targets) {
    for (const value of source.read(request)) pieces.push(`${name}=${encodeQueryValue(value)}`);
  }
  outbound.rawQuery = pieces.join('&');
}

/** Writes the header fields, or refuses a request whose value would break out of a field. */
export function writeHeaders(
  outbound: Outbound,
  request: SourceRequest,
  passing: Passing,
): Reply | undefined {
  const { headers } = outbound;
  for (const { name, value } of passing.defaults) {
    if (!request.exchange.headers.has(name)) headers.append(name, value);
  }
  headers.deleteAll(passing.dropped);
  for (const { name, source } of passing.targets) {
    for (const value of source.read(request)) {
      if (!isFieldValue(value)) {
        const what = `the value for the backend header ${name} holds control characters`;
        return refuse('bad-parameters', { message: `API request error: ${what}.` });
      }
      headers.append(name, value);
    }
  }
  return undefined;
}
