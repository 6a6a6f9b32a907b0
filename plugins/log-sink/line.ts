import {
  type Completed,
  type Exchange,
  type Fields,
  type LogMask,
  type LogMasks,
  credentialFields,
  redacted,
} from '#sdk';
import { authorizerContexts } from '#sdk/mapping';
import { type Content, requestContent, responseContent, responseFields } from './capture.ts';
import { customName, readFields } from './fields.ts';
import type { Config } from './options.ts';

/** Bodies and long fields are cut there, as the vendor does. */
const longest = 4096;

type Wanted = (name: string) => boolean;
type Pairs = Iterable<readonly [name: string, value: string]>;

/** Makes the line of a request; what is masked is masked before anything is cut. */
export function compileLine(config: Config, masks: LogMasks | undefined): (notice: Completed) => string {
  const { fields, include, custom, labels } = config;
  const headers = wanted(include.requestHeaders);
  const query = wanted(include.query);
  const answered = wanted(include.responseHeaders);
  return (notice) => {
    const { exchange } = notice;
    const line: Record<string, unknown> = { ...labels };
    const mask = exchange && masks?.of(exchange.api, exchange.environment);
    readFields(fields, notice, mask, line);
    if (exchange === undefined) return JSON.stringify(line);
    tellCustom(custom, exchange, mask, line);
    if (headers !== null)
      line['request_headers'] = fieldsOf(exchange.headers, headers, 'REQUEST_HEADER', mask);
    if (query !== null)
      line['request_query'] = collect(exchange.query, query, (name, value) =>
        masked(mask, 'REQUEST_QUERY', name, value),
      );
    if (include.tokenClaims.length > 0) line['token'] = claimsOf(exchange, include.tokenClaims, mask);
    if (include.requestBody)
      line['request_body'] = contentOf(exchange.notes.get(requestContent), 'REQUEST_BODY', mask);
    if (answered !== null) line['response_headers'] = answerOf(exchange, answered, mask);
    if (include.responseBody)
      line['response_body'] = contentOf(exchange.notes.get(responseContent), 'RESPONSE_BODY', mask);
    tellAuthorizers(include, exchange, line);
    return JSON.stringify(line);
  };
}

/** Null when nothing is. `*` stands for any part of a name. */
function wanted(patterns: readonly string[]): Wanted | null {
  if (patterns.length === 0) return null;
  const tests = patterns.map((each) => {
    const parts = each.toLowerCase().split('*');
    return (name: string): boolean => matches(name, parts);
  });
  return (name) => {
    const lower = name.toLowerCase();
    return tests.some((test) => test(lower));
  };
}

/** Without a regular expression: names are the caller's to choose. */
function matches(name: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last))
    return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function collect(pairs: Pairs, isWanted: Wanted, shown: (name: string, value: string) => string) {
  const result: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of pairs) {
    if (!isWanted(name)) continue;
    const before = result[name];
    const text = shown(name, value);
    result[name] = cut(before === undefined ? text : `${before}, ${text}`);
  }
  return result;
}

function fieldsOf(
  headers: Pairs,
  isWanted: Wanted,
  location: 'REQUEST_HEADER' | 'RESPONSE_HEADER',
  mask: LogMask | undefined,
) {
  const lower = Array.from(headers, ([name, value]) => [name.toLowerCase(), value] as const);
  return collect(lower, isWanted, (name, value) =>
    credentialFields.has(name) ? redacted : masked(mask, location, name, value),
  );
}

function answerOf(exchange: Exchange, isWanted: Wanted, mask: LogMask | undefined) {
  const flat = exchange.notes.get(responseFields) ?? [];
  const pairs = flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as const] : [],
  );
  return fieldsOf(pairs, isWanted, 'RESPONSE_HEADER', mask);
}

function claimsOf({ identity }: Exchange, names: readonly string[], mask: LogMask | undefined) {
  const claims = identity?.claims ?? {};
  const pairs = names.flatMap((name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (value === undefined) return [];
    return [[name, typeof value === 'string' ? value : JSON.stringify(value)] as const];
  });
  return collect(
    pairs,
    () => true,
    (name, value) => masked(mask, 'REQUEST_TOKEN', name, value),
  );
}

function contentOf(
  content: Content | undefined,
  location: 'REQUEST_BODY' | 'RESPONSE_BODY',
  mask: LogMask | undefined,
) {
  if (content === undefined) return null;
  return 'text' in content ? cut(masked(mask, location, '', content.text)) : { omitted: content.omitted };
}

function tellCustom(
  custom: Config['custom'],
  exchange: Exchange,
  mask: LogMask | undefined,
  line: Record<string, unknown>,
): void {
  for (const [index, { in: place, name }] of custom.entries())
    line[customName(index)] = customOf(place, name, exchange, mask);
}

function customOf(
  place: Config['custom'][number]['in'],
  name: string,
  { headers, query, cookies }: Exchange,
  mask: LogMask | undefined,
): string | null {
  const value =
    place === 'header' ? textOf(headers, name) : place === 'query' ? query.get(name) : cookies.get(name);
  if (value === undefined) return null;
  if (place === 'cookie') return cut(masked(mask, 'REQUEST_HEADER', 'cookie', value));
  return cut(masked(mask, place === 'header' ? 'REQUEST_HEADER' : 'REQUEST_QUERY', name, value));
}

function textOf(headers: Fields, name: string): string | undefined {
  return credentialFields.has(name.toLowerCase()) && headers.has(name) ? redacted : headers.combined(name);
}

function tellAuthorizers(
  { authorizerFrontend, authorizerBackend }: Config['include'],
  { notes }: Exchange,
  line: Record<string, unknown>,
): void {
  for (const [side, names] of [
    ['frontend', authorizerFrontend],
    ['backend', authorizerBackend],
  ] as const) {
    if (names.length === 0) continue;
    const context = notes.get(authorizerContexts[side]);
    line[`authorizer_${side}`] = Object.fromEntries(names.map((name) => [name, context?.get(name) ?? null]));
  }
}

function masked(
  mask: LogMask | undefined,
  location: Parameters<LogMask['mask']>[0],
  name: string,
  value: string,
): string {
  return mask === undefined ? value : mask.mask(location, name, value);
}

function cut(text: string): string {
  return text.length > longest ? text.slice(0, longest) : text;
}
