import { Remembered } from '../flat.ts';

/** The header names that a signature says it covers (`SignedHeaders`), in lower case. */
export interface HuaweiNames {
  /** Each once, in code-unit order. */
  readonly sorted: readonly string[];
  /** These joined by `;`. */
  readonly joined: string;
  /** The same in the order of `localeCompare` where that is another one: the official JavaScript client mixes both. */
  readonly localeSorted: readonly string[] | undefined;
}

/** The scope of a derived key: `<date>/<region>/<service>/sdk_request`. */
export interface HuaweiScope {
  /** `YYYYMMDD`, not yet compared with X-Sdk-Date. */
  readonly date: string;
  /** Named by the client; any is possible. */
  readonly region: string;
  readonly service: string;
}

/** A signature of the scheme SDK-HMAC-SHA256 that can be verified. */
export interface HuaweiSignature {
  readonly kind: 'signature';
  /** AppKey, access key id, or name of a backend signature key. */
  readonly access: string;
  /** Of the older form `Credential=`; undefined for `Access=`. */
  readonly scope: HuaweiScope | undefined;
  readonly names: HuaweiNames;
  readonly signature: string;
}

/**
 * What `parseAuthorization` makes of a header value: a signature; `unsupported`, a scheme of the same family that is
 * recognised and not verified (`V11-HMAC-SHA256`, the SM3 and P256 ones); `malformed`, with a reason that repeats
 * nothing of the value.
 */
export type HuaweiAuthorization =
  | HuaweiSignature
  | { readonly kind: 'unsupported'; readonly scheme: string }
  | { readonly kind: 'malformed'; readonly problem: string };

/** The longest value of an Authorization header that is read. */
export const maxAuthorizationLength = 8192;

/** The most names that SignedHeaders may hold. */
export const maxHuaweiNames = 100;

// What the official clients write: a start that is the same for all their calls, and the signature.
const usualStart = /^SDK-HMAC-SHA256 Access=([^\s,]+), SignedHeaders=([^\s,]+)$/;
const usualMark = ', Signature=';
const usualLength = 64;
const scheme = /^ *((?:SDK|V11)-[A-Z0-9-]{1,40})(?: +|$)/i;
const keyed = 'SDK-HMAC-SHA256';
const parameterNames: ReadonlySet<string> = new Set(['Access', 'Credential', 'SignedHeaders', 'Signature']);
const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const credential = /^([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/sdk_request$/;

const order = new Intl.Collator('en');

interface Start {
  readonly access: string;
  readonly names: HuaweiNames;
}

// Callers use a handful of lists and starts. Bounded, as they are a caller's choice.
const knownNames = new Remembered(readNames, 256, 512);
const knownStarts = new Remembered(readStart, 256, 512);

/**
 * Reads `SDK-HMAC-SHA256 Access=..., SignedHeaders=a;b, Signature=...`, the older form with `Credential=` included.
 * Blanks around commas and the order of the three do not matter; a repeated or unknown one is refused.
 *
 * Undefined when the value belongs to another scheme altogether, such as Basic or Bearer.
 */
export function parseAuthorization(value: string): HuaweiAuthorization | undefined {
  const usual = value.length > maxAuthorizationLength ? undefined : readUsual(value);
  if (usual !== undefined) return usual;
  const start = scheme.exec(value);
  const name = start?.[1]?.toUpperCase();
  if (start === null || name === undefined) return undefined;
  if (name !== keyed) return { kind: 'unsupported', scheme: name };
  if (value.length > maxAuthorizationLength) return malformed('it is too long');
  const parameters = new Map<string, string>();
  for (const part of value.slice(start[0].length).split(',', parameterNames.size + 1)) {
    const equals = part.indexOf('=');
    const key = part.slice(0, Math.max(equals, 0)).trim();
    if (!parameterNames.has(key)) return malformed('it holds more than Access, SignedHeaders and Signature');
    if (parameters.has(key)) return malformed(`${key} is given twice`);
    parameters.set(key, part.slice(equals + 1).trim());
  }
  return readParameters(parameters);
}

function readUsual(value: string): HuaweiSignature | undefined {
  const from = value.length - usualLength;
  const end = from - usualMark.length;
  if (end < 0 || !value.startsWith(usualMark, end)) return undefined;
  const signature = value.slice(from);
  const isOther = signature.includes(',') || signature.trim() !== signature;
  const start = isOther ? undefined : knownStarts.of(value.slice(0, end));
  if (start === undefined) return undefined;
  return { kind: 'signature', access: start.access, scope: undefined, names: start.names, signature };
}

function readStart(text: string): Start | undefined {
  const [, access = '', list = ''] = usualStart.exec(text) ?? [];
  const names = knownNames.of(list);
  if (names === undefined) return undefined;
  return { access, names };
}

function readParameters(parameters: ReadonlyMap<string, string>): HuaweiAuthorization {
  const access = parameters.get('Access');
  const older = parameters.get('Credential');
  if (access !== undefined && older !== undefined) return malformed('both Access and Credential are given');
  const parts = older === undefined ? undefined : credential.exec(older);
  if (parts === null) return malformed('Credential is not <key>/<YYYYMMDD>/<region>/<service>/sdk_request');
  const key = parts === undefined ? access : parts[1];
  if (key === undefined || key === '') return malformed('Access is missing');
  const signature = parameters.get('Signature');
  if (signature === undefined || signature === '') return malformed('Signature is missing');
  const names = knownNames.of(parameters.get('SignedHeaders') ?? '');
  if (names === undefined) return malformed('SignedHeaders is not a list of header names, each once');
  const scope = parts && { date: parts[2] ?? '', region: parts[3] ?? '', service: parts[4] ?? '' };
  return { kind: 'signature', access: key, scope, names, signature };
}

function malformed(problem: string): HuaweiAuthorization {
  return { kind: 'malformed', problem };
}

function readNames(list: string): HuaweiNames | undefined {
  const sorted = list.split(';', maxHuaweiNames + 1).map((name) => name.trim().toLowerCase());
  // What is no token could stand for another line of the canonical request.
  if (sorted.length > maxHuaweiNames || !sorted.every((name) => token.test(name))) return undefined;
  if (new Set(sorted).size !== sorted.length) return undefined;
  sorted.sort();
  const localeSorted = sorted.toSorted(order.compare);
  const isSame = localeSorted.every((name, index) => name === sorted[index]);
  return {
    sorted,
    joined: sorted.join(';'),
    localeSorted: isSame ? undefined : localeSorted,
  };
}
