import type { RefusalKind } from '#sdk';
import { Remembered } from '#sdk/flat';
import type { IngressLimits } from './accept.ts';

/** What the head of a request says, or why it is refused. */
export interface Head {
  readonly host: string;
  /** What a target in absolute form names instead of the Host field (RFC 9112 section 3.2.2). */
  readonly authority: string | undefined;
  readonly path: string;
  readonly rawQuery: string;
  /** Whether the target ends in a `?` with nothing behind it: another target than the one without (RFC 3986 section 6.2.3). */
  readonly hasEmptyQuery: boolean;
  readonly hasBody: boolean;
  readonly contentLength: number | undefined;
  /** `Via` entries of this gateway. */
  readonly passes: number;
  readonly refusal: RefusalKind | undefined;
}

interface Scanned {
  host: string | undefined;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  via: string;
  refusal: RefusalKind | undefined;
}

/** What the first line of a request says. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** `h2` for a request that came over HTTP/2, whatever version it claims to have; else what its first line says. */
  readonly httpVersion: string;
}

/** Reads the request target (RFC 9112 section 3.2) and the fields that framing, routing and loops depend on. */
export function readHead(
  line: RequestLine,
  flat: readonly string[],
  limits: IngressLimits,
  pseudonym: string,
): Head {
  const { target } = line;
  const scanned = scan(flat, limits);
  let refusal = target.length > limits.uriBytes ? 'uri-too-large' : scanned.refusal;
  const { authority, rest } = target.startsWith('/')
    ? { authority: undefined, rest: target }
    : otherForm(target);
  if (rest === undefined || rest.includes('#')) refusal ??= 'bad-request';
  // In HTTP/2 the authority has a field of its own (RFC 9113 section 8.3.1), and there are not to be two.
  if (authority !== undefined && line.httpVersion === 'h2') refusal ??= 'bad-request';
  // `OPTIONS *` asks about the server, not about any API.
  if (rest === '*') refusal ??= line.method === 'OPTIONS' ? 'not-found' : 'bad-request';
  const host = hostName(authority ?? scanned.host ?? '');
  if (host === undefined) refusal ??= 'bad-request';
  const { contentLength, transferEncoding } = scanned;
  refusal ??= framingRefusal(scanned, line.httpVersion);
  const length = contentLength === undefined ? undefined : Number(contentLength);
  const path = rest ?? '/';
  const question = path.indexOf('?');
  return {
    host: host ?? '',
    authority,
    path: question < 0 ? path : path.slice(0, question),
    rawQuery: question < 0 ? '' : path.slice(question + 1),
    hasEmptyQuery: question >= 0 && question === path.length - 1,
    hasBody: transferEncoding !== undefined || (length !== undefined && length > 0),
    contentLength: length,
    passes: scanned.via === '' ? 0 : scanned.via.split(pseudonym).length - 1,
    refusal,
  };
}

/** The absolute form, or `*`; no `rest` when it is neither. */
function otherForm(target: string): { authority: string | undefined; rest: string | undefined } {
  if (target === '*') return { authority: undefined, rest: target };
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target) ?? [];
  if (authority === undefined) return { authority, rest: undefined };
  return { authority, rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** RFC 9112 sections 2.3, 3.2 and 6.1: what every hop must read in the same way, or refuse. */
function framingRefusal({ host, transferEncoding }: Scanned, httpVersion: string): RefusalKind | undefined {
  // HTTP/2 has a framing of its own, and Node refuses fields that contradict it.
  if (httpVersion === 'h2') return host === undefined ? 'bad-request' : undefined;
  if (httpVersion === '1.1' ? host === undefined : httpVersion !== '1.0') return 'bad-request';
  if (transferEncoding === undefined) return undefined;
  return transferEncoding.toLowerCase() === 'chunked' && httpVersion === '1.1' ? undefined : 'bad-request';
}

function scan(flat: readonly string[], limits: IngressLimits): Scanned {
  const found: Scanned = {
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    via: '',
    refusal: undefined,
  };
  let bytes = 0;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    const value = flat[index + 1] ?? '';
    const line = name.length + value.length + 4;
    bytes += line;
    if (line > limits.headerLineBytes) found.refusal = 'headers-too-large';
    // The lengths of the few names that matter here.
    if (name.length === 4 || name.length === 3 || name.length === 14 || name.length === 17)
      note(found, name, value);
  }
  if (bytes > limits.headersBytes) found.refusal = 'headers-too-large';
  return found;
}

function note(found: Scanned, name: string, value: string): void {
  switch (name.toLowerCase()) {
    case 'host':
      // Two of them would let this gateway and the next hop read different ones (RFC 9112 section 3.2).
      if (found.host !== undefined) found.refusal ??= 'bad-request';
      found.host = value;
      break;
    case 'via':
      found.via += `${value},`;
      break;
    case 'content-length':
      found.contentLength = value;
      break;
    case 'transfer-encoding':
      found.transferEncoding =
        found.transferEncoding === undefined ? value : `${found.transferEncoding},${value}`;
      break;
    default:
  }
}

const plainName = /^[a-z0-9._~!$&'()*+,;=%-]*$/;
const bracketed = /^(\[[0-9a-f:.]+\])(?::\d*)?$/;

const hostNames = new Remembered(readHostName);

/** The host name of an authority, in lower case and without the port; undefined when it is none. */
export function hostName(authority: string): string | undefined {
  return hostNames.of(authority);
}

function readHostName(authority: string): string | undefined {
  const lower = authority.toLowerCase();
  if (lower.startsWith('[')) return bracketed.exec(lower)?.[1];
  const colon = lower.indexOf(':');
  const name = colon < 0 ? lower : lower.slice(0, colon);
  if (colon >= 0 && !/^\d*$/.test(lower.slice(colon + 1))) return undefined;
  return plainName.test(name) ? name : undefined;
}
