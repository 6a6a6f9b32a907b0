import type { Exchange } from './exchange.ts';
import type { Fields } from './fields.ts';
import { systemValue } from './mapping/system.ts';
import { Params, decodePath } from './params.ts';

/** What a function is told of: a request as it came (an exchange is one), or as a backend would get it. */
export interface EventSource {
  readonly method: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: Fields;
}

const apiIdOf = systemValue('apiId');

/**
 * The event of FunctionGraph's APIG trigger, without its body. A query parameter that comes twice has all its values, in
 * a list: one of them would be a guess. Header names are in lower case, lines of one name joined as in HTTP.
 */
export function functionEvent(
  exchange: Exchange,
  source: EventSource,
  host: string | undefined,
): Record<string, unknown> {
  const { environment, requestId, pathValues, clientAddress } = exchange;
  const headers = headersOf(source.headers);
  headers.set('host', host ?? exchange.headers.get('host') ?? exchange.host);
  headers.set('x-real-ip', clientAddress);
  return {
    httpMethod: source.method,
    path: source.path,
    pathParameters: Object.fromEntries(Array.from(pathValues, ([name, value]) => [name, decodePath(value)])),
    queryStringParameters: queryOf(source.rawQuery),
    headers: Object.fromEntries(headers),
    requestContext: { apiId: apiIdOf?.(exchange, exchange) ?? '', requestId, stage: environment },
  };
}

function queryOf(rawQuery: string): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const [name, value] of Params.parse(rawQuery)) {
    const before = query.get(name);
    if (before === undefined) query.set(name, value);
    else if (Array.isArray(before)) before.push(value);
    else query.set(name, [before, value]);
  }
  return Object.fromEntries(query);
}

function headersOf(headers: Fields): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const before = fields.get(lower);
    const text = headerText(value);
    fields.set(lower, before === undefined ? text : before + (lower === 'cookie' ? '; ' : ', ') + text);
  }
  return fields;
}

/** A header field's value as text: it is shown as one character a byte, and those who read it expect UTF-8. */
export function headerText(value: string): string {
  return /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

/** The body of an event: in base64, or as text where `application/json` may go as it is. */
export function eventBody(
  body: Buffer,
  isText: boolean,
): { readonly body: string; readonly isBase64Encoded: boolean } {
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}
