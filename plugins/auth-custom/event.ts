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

/** As a backend would get them where they tell the way the request came: the caller's word is not believed. */
function headersOf(exchange: Exchange) {
  const headers = exchange.headers.clone();
  const before = headers.combined('x-forwarded-for');
  const { clientAddress } = exchange;
  headers.set('X-Forwarded-For', before === undefined ? clientAddress : `${before}, ${clientAddress}`);
  headers.set('X-Forwarded-Proto', exchange.scheme);
  headers.set('X-Forwarded-Port', String(exchange.port));
  headers.set('X-Request-Id', exchange.requestId);
  return headers;
}
