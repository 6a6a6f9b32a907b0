import { type Outbound, Params, decodePath } from '#sdk';
import { systemValue } from '#sdk/mapping';

const apiIdOf = systemValue('apiId');

/**
 * What a function gets: the event of FunctionGraph's APIG trigger.
 * @param isText whether the body goes as it is instead of in base64
 */
export function eventOf(outbound: Outbound, body: Buffer, isText: boolean): Record<string, unknown> {
  const { exchange } = outbound;
  const { environment, requestId, pathValues } = exchange;
  return {
    body: isText ? body.toString('utf8') : body.toString('base64'),
    isBase64Encoded: !isText,
    httpMethod: outbound.method,
    path: outbound.path,
    pathParameters: Object.fromEntries(Array.from(pathValues, ([name, value]) => [name, decodePath(value)])),
    queryStringParameters: queryOf(outbound.rawQuery),
    headers: headersOf(outbound),
    requestContext: { apiId: apiIdOf?.(exchange, exchange) ?? '', requestId, stage: environment },
  };
}

/** A name that comes twice has all its values, in a list: one of them would be a guess. */
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

/** Names in lower case; lines of one name joined as in HTTP. */
function headersOf(outbound: Outbound): Record<string, string> {
  const { exchange, host, headers } = outbound;
  const fields = new Map<string, string>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const before = fields.get(lower);
    const text = textOf(value);
    fields.set(lower, before === undefined ? text : before + (lower === 'cookie' ? '; ' : ', ') + text);
  }
  fields.set('host', host ?? exchange.headers.get('host') ?? exchange.host);
  fields.set('x-real-ip', exchange.clientAddress);
  return Object.fromEntries(fields);
}

/** Header fields are shown as one character a byte; functions expect UTF-8. */
function textOf(value: string): string {
  return /[\x80-\xff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}
