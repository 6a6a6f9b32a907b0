import { type Exchange, eventBody, functionEvent } from '#sdk';
import type { AuthorizerOptions } from './options.ts';

/**
 * What an authorizer's function gets: the event of FunctionGraph's APIG trigger with `user_data`, and with the body where
 * that is wanted. What a backend's authorizer says without looking at identities is kept for everybody, so it gets nothing
 * of the caller.
 */
export function eventOf(
  exchange: Exchange,
  body: Buffer | undefined,
  options: AuthorizerOptions,
): Record<string, unknown> {
  const { method, path, rawQuery } = exchange;
  const { type, identities, cacheSeconds, base64Body, userData = '' } = options;
  const whole = functionEvent(exchange, { method, path, rawQuery, headers: headersOf(exchange) }, undefined);
  if (type === 'backend' && identities.length === 0 && cacheSeconds > 0)
    return { user_data: userData, requestContext: whole['requestContext'] };
  const isText =
    !base64Body && /^application\/json\s*(?:;|$)/i.test(exchange.headers.get('content-type') ?? '');
  return { ...whole, ...(body === undefined ? {} : eventBody(body, isText)), user_data: userData };
}

/** What the gateway writes into the headers of an event, whatever the caller says: as a backend would get it. */
export const written: ReadonlyMap<string, (exchange: Exchange) => string> = new Map([
  ['x-forwarded-for', forwardedFor],
  ['x-forwarded-proto', ({ scheme }: Exchange) => scheme],
  ['x-forwarded-port', ({ port }: Exchange) => String(port)],
  ['x-request-id', ({ requestId }: Exchange) => requestId],
  ['x-real-ip', ({ clientAddress }: Exchange) => clientAddress],
]);

function forwardedFor({ headers, clientAddress }: Exchange): string {
  const before = headers.combined('x-forwarded-for');
  return before === undefined ? clientAddress : `${before}, ${clientAddress}`;
}

function headersOf(exchange: Exchange) {
  const headers = exchange.headers.clone();
  for (const [name, valueOf] of written) headers.set(name, valueOf(exchange));
  return headers;
}
