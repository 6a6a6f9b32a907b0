import { type Fields, perConnectionFields, variableName } from '#sdk';
import { fieldsOf, isChecked, linesOf } from '#sdk/fields';
import { Remembered } from '#sdk/flat';
import type { Exchange } from './exchange.ts';

/** Fields that say where a request came from: the gateway writes its own, lest a caller's word be believed. */
const provenance: ReadonlySet<string> = new Set([
  'x-ca-request-id',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
]);

// A look at the length spares most names the look-up: a bit for each, which those of 32 letters more share.
const fateful = [...perConnectionFields, ...provenance];
const longest = Math.max(...fateful.map(({ length }) => length));
const lengths = fateful.reduce((bits, { length }) => bits | (1 << length), 0);

/** What becomes of a field because of its name. `self`: a call of the gateway to itself keeps what it says. */
type Fate = 'forward' | 'drop' | 'host' | 'forwarded-for' | 'self';

/** By names as they were sent: these are the same ones all the time. */
const fates = new Remembered((name): Fate => {
  const lower = name.toLowerCase();
  if (lower === 'host') return 'host';
  if (perConnectionFields.has(lower)) return 'drop';
  if (lower === 'x-forwarded-for') return 'forwarded-for';
  // Many backends take `X_Forwarded_For` for the gateway's own.
  if (!provenance.has(variableName(name))) return 'forward';
  return lower.startsWith('x-forwarded-') ? 'self' : 'drop';
});

/** Lower-case names that `Connection` lists, to be removed beside the fixed ones. */
function nominated(connection: string | undefined): ReadonlySet<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null;
  const names = connection
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return new Set(names.filter((name) => name !== '' && name !== 'close' && name !== 'keep-alive'));
}

/** Says whether a field's name begins with one of these, in any letter case; null when there are none. */
export function compileWithheld(prefixes: readonly string[]): ((name: string) => boolean) | null {
  const [first, ...others] = [...new Set(prefixes)];
  if (first === undefined) return null;
  const matches = startsWith(first);
  const rest = compileWithheld(others);
  return rest === null ? matches : (name) => matches(name) || rest(name);
}

function startsWith(prefix: string): (name: string) => boolean {
  const { length } = prefix;
  const start = prefix.charCodeAt(0) | 0x20;
  const last = prefix.charCodeAt(length - 1) | 0x20;
  return (name) => {
    // Two letters spare nearly all names the rest.
    if ((name.charCodeAt(0) | 0x20) !== start || (name.charCodeAt(length - 1) | 0x20) !== last) return false;
    return name.slice(0, length).toLowerCase() === prefix;
  };
}

/** The fields a request is forwarded with (RFC 9110 section 7.6, RFC 7239's de-facto forerunners). */
export function forwardedFields(exchange: Exchange, via: string): Fields {
  const source = linesOf(exchange.headers);
  // Not of the exchange: a plugin without types may have put another word there.
  const { requestId, clientAddress, scheme, host, port, isSelfCall } = exchange.incoming;
  const { withholds } = exchange.snapshot;
  const named = nominated(exchange.headers.combined('connection'));
  const lines: string[] = [];
  let forwardedFor = '';
  let authority: string | undefined;
  for (let index = 0; index < source.length; index += 2) {
    const name = source[index] ?? '';
    const value = source[index + 1] ?? '';
    if (named !== null && named.has(name.toLowerCase())) continue;
    if (withholds !== null && withholds(name)) continue;
    if (name.length <= longest && (lengths & (1 << name.length)) !== 0) {
      const fate = fates.of(name);
      if (fate === 'host') authority ??= value;
      else if (fate === 'forwarded-for') forwardedFor += `${value}, `;
      if (fate !== 'forward' && !(fate === 'self' && isSelfCall)) continue;
    }
    lines.push(name, value);
  }
  lines.push('X-Forwarded-For', forwardedFor + clientAddress);
  if (!isSelfCall) {
    lines.push('X-Forwarded-Proto', scheme, 'X-Forwarded-Port', String(port));
    if (host !== '') lines.push('X-Forwarded-Host', authority ?? host);
  }
  lines.push('X-Request-Id', requestId, 'X-Ca-Request-Id', requestId, 'Via', via);
  return fieldsOf(lines, isChecked(exchange.headers));
}

const perConnectionInAnswers: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** An interim answer's fields: no framing, and no name for the request but the gateway's. */
export function interimFields(sent: readonly string[]): Fields {
  const fields = answeredFields(sent);
  fields.deleteAll(notInInterim);
  return fields;
}

const notInInterim: ReadonlySet<string> = new Set(['content-length', 'trailer', 'x-request-id']);

/**
 * An answer's fields without what concerned the backend's connection only.
 * @param sent names in lower case and values in turn
 * @param areChecked whether all of them are known to be fit to be sent
 */
export function answeredFields(sent: readonly string[], areChecked = false): Fields {
  const flat: string[] = [];
  let connection: string | undefined;
  for (let index = 0; index < sent.length; index += 2) {
    const name = sent[index] ?? '';
    const value = sent[index + 1] ?? '';
    if (!perConnectionInAnswers.has(name)) flat.push(name, value);
    else if (name === 'connection') connection = connection === undefined ? value : `${connection},${value}`;
  }
  const fields = fieldsOf(flat, areChecked);
  const named = nominated(connection);
  if (named !== null) fields.deleteAll(named);
  return fields;
}

const notInTrailers: ReadonlySet<string> = new Set([
  ...perConnectionFields,
  ...provenance,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'content-type',
  'set-cookie',
]);

/** The trailer fields that may be passed on (RFC 9110 section 6.5.1: never framing, routing or authentication). */
export function answeredTrailers(sent: readonly string[]): Fields | undefined {
  if (sent.length === 0) return undefined;
  const fields = answeredFields(sent);
  fields.deleteAll(notInTrailers);
  return linesOf(fields).length === 0 ? undefined : fields;
}
