import type { Attributes } from '@opentelemetry/api';
import { type Arrival, type Completed, type Exchange, type Outbound, Params } from '#sdk';

// Names are those of OpenTelemetry's semantic conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/).

const methods: ReadonlySet<string> = new Set(
  'CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE'.split(' '),
);
/** The caller's, and spans wait in memory. */
const longestText = 2048;

/** What a span is named after: never what a caller made up, or there would be no end of names. */
export function methodName(method: string): string {
  return methods.has(method) ? method : 'HTTP';
}

/** The template that an API is called by; undefined where no API was found. */
export function routeOf(exchange: Exchange | undefined): string | undefined {
  if (exchange === undefined) return undefined;
  const { path, match } = exchange.api.request;
  return match === 'exact' ? path : path.endsWith('/') ? `${path}*` : `${path}/*`;
}

export function serverAttributes(notice: Completed, shownQuery: ReadonlySet<string>): Attributes {
  const { arrival, exchange, status, outcome, refusal, answeredBy } = notice;
  const attributes: Attributes = {
    ...methodAttributes(arrival.method),
    'url.scheme': arrival.scheme,
    'url.path': arrival.path.slice(0, longestText),
    'client.address': arrival.clientAddress,
    'network.protocol.version': arrival.httpVersion,
    'tapgate.request_id': arrival.requestId,
  };
  if (arrival.host !== '') {
    attributes['server.address'] = arrival.host;
    attributes['server.port'] = arrival.port;
  }
  // Nothing was sent with 499.
  if (status !== 499) attributes['http.response.status_code'] = status;
  if (exchange !== undefined) {
    attributes['http.route'] = routeOf(exchange) ?? '';
    attributes['tapgate.api'] = exchange.api.name;
    attributes['tapgate.environment'] = exchange.environment;
  }
  const query = shownQuery.size === 0 ? '' : queryOf(arrival, shownQuery);
  if (query !== '') attributes['url.query'] = query;
  if (refusal !== undefined) attributes['tapgate.refusal'] = refusal.kind;
  if (answeredBy !== undefined) attributes['tapgate.answered_by'] = answeredBy.plugin;
  if (outcome !== 'answered') attributes['tapgate.outcome'] = outcome;
  const error = serverError(notice);
  if (error !== undefined) attributes['error.type'] = error;
  return attributes;
}

/** Undefined for a mistake of the caller's, which is no error of a server. */
function serverError({ status, outcome, refusal }: Completed): string | undefined {
  // Of a WebSocket it is how the connection ended.
  if (outcome !== 'answered' && status !== 101) return outcome;
  return status >= 500 ? (refusal?.kind ?? String(status)) : undefined;
}

/**
 * Why a backend call counts as failed; what its caller does wrong is an error here.
 * @param status what the backend answered
 */
export function clientError(
  { backendMs, refusal }: Completed,
  status: number | undefined,
): string | undefined {
  if (status !== undefined) return status >= 400 ? String(status) : undefined;
  return backendMs === undefined ? 'client-gone' : (refusal?.kind ?? 'no-answer');
}

/** Only what an operator named: anything else may be a secret. */
function queryOf({ rawQuery }: Arrival, shown: ReadonlySet<string>): string {
  if (rawQuery === '') return '';
  const kept: string[] = [];
  for (const [name, value] of Params.parse(rawQuery))
    if (shown.has(name)) kept.push(`${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return kept.join('&').slice(0, longestText);
}

/** Where a request goes, as it is known before it leaves. */
export function clientAttributes({ method, origin, path }: Outbound): Attributes {
  const attributes: Attributes = methodAttributes(method);
  const [, scheme, address, port] = /^(https?):\/\/(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(origin) ?? [];
  if (scheme === undefined || address === undefined) return attributes;
  attributes['url.scheme'] = scheme;
  attributes['server.address'] = address;
  attributes['server.port'] = Number(port ?? (scheme === 'https' ? 443 : 80));
  attributes['url.full'] = `${origin}${path}`.slice(0, longestText);
  return attributes;
}

function methodAttributes(method: string): Attributes {
  if (methods.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': method.slice(0, longestText) };
}
