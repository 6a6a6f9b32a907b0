import { Fields, type Outbound, Params } from '#sdk';

/** What a route sends to its backend besides what the caller sent. */
export interface Additions {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

export const routingName = 'X-Ca-Routing-Name';

/** Fields of the connection or of the gateway: another value would break framing, loop detection or trust. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'x-ca-request-id',
  'x-request-id',
  routingName.toLowerCase(),
]);

/** Why a header field of this name cannot be added, if so. */
export function headerNameProblem(name: string): string | undefined {
  if (reserved.has(name.toLowerCase()))
    return `"${name}" is written by the gateway itself; allowed: other header fields`;
  return isField(name, '') ? undefined : `${JSON.stringify(name)} is no header name (a token of RFC 9110)`;
}

/** Why the value of a header field cannot be sent, if so. Never shows it. */
export function headerValueProblem(value: string): string | undefined {
  return isField('x', value) ? undefined : 'control characters are not allowed in a header field';
}

/** Why a name or value cannot be part of a query, if so. Never shows it. */
export function queryTextProblem(text: string): string | undefined {
  return text.isWellFormed() ? undefined : 'half a surrogate pair cannot be encoded';
}

function isField(name: string, value: string): boolean {
  try {
    new Fields().append(name, value);
    return true;
  } catch {
    return false;
  }
}

/** Compiles what a route adds. What the caller sent under the same name is replaced: a constant is no suggestion. */
export function compileAdditions(name: string, { headers, query }: Additions): (outbound: Outbound) => void {
  const fields = [
    [routingName, name] as const,
    ...Object.entries(headers).map(([field, value]) => [field, bytesOf(value)] as const),
  ];
  const pairs = Object.entries(query);
  const names = new Set(pairs.map(([key]) => key));
  const added = pairs.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&');
  return (outbound) => {
    for (const [field, value] of fields) outbound.headers.set(field, value);
    if (added !== '') outbound.rawQuery = withPairs(outbound.rawQuery, names, added);
  };
}

function withPairs(rawQuery: string, names: ReadonlySet<string>, added: string): string {
  const kept = rawQuery.split('&').filter((pair) => pair !== '' && !names.has(nameOf(pair)));
  return [...kept, added].join('&');
}

function nameOf(pair: string): string {
  for (const [name] of Params.parse(pair)) return name;
  return '';
}

// A field holds one character a byte; the value is text, which travels as UTF-8.
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

// What is not well-formed is a problem already reported; encoding it would throw.
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
