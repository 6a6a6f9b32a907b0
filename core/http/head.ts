import type { RefusalKind } from '#sdk';
import type { IngressLimits } from './ingress.ts';

/** What the head of a request says, or why it is refused. */
export interface Head {
  readonly host: string;
  readonly path: string;
  readonly rawQuery: string;
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

/** Reads the request target (RFC 9112 section 3.2) and the fields that framing, routing and loops depend on. */
export function readHead(target: string, flat: readonly string[], limits: IngressLimits, pseudonym: string): Head {
  const scanned = scan(flat, limits);
  let refusal = scanned.refusal;
  if (target.length > limits.uriBytes) refusal = 'uri-too-large';
  let authority = scanned.host;
  let rest = target;
  if (!target.startsWith('/') && target !== '*') {
    // The absolute form; its authority stands above the Host field.
    const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
    if (absolute === null) refusal ??= 'bad-request';
    authority = absolute?.[1];
    rest = absolute?.[2] ?? '/';
    if (!rest.startsWith('/')) rest = `/${rest}`;
  }
  const question = rest.indexOf('?');
  const host = authority === undefined ? '' : hostName(authority);
  if (host === undefined) refusal ??= 'bad-request';
  const { contentLength, transferEncoding } = scanned;
  if (transferEncoding !== undefined && transferEncoding.toLowerCase() !== 'chunked') refusal ??= 'bad-request';
  const length = contentLength === undefined ? undefined : Number(contentLength);
  return {
    host: host ?? '',
    path: question < 0 ? rest : rest.slice(0, question),
    rawQuery: question < 0 ? '' : rest.slice(question + 1),
    hasBody: transferEncoding !== undefined || (length !== undefined && length > 0),
    contentLength: length,
    passes: scanned.via === '' ? 0 : scanned.via.split(pseudonym).length - 1,
    refusal,
  };
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
    if (name.length === 4 || name.length === 3 || name.length === 14 || name.length === 17) note(found, name, value);
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
      found.transferEncoding = found.transferEncoding === undefined ? value : `${found.transferEncoding},${value}`;
      break;
    default:
  }
}

const plainName = /^[a-z0-9._~!$&'()*+,;=%-]*$/;
const bracketed = /^(\[[0-9a-f:.]+\])(?::\d*)?$/;

/** The host name of an authority, in lower case and without the port; undefined when it is none. */
function hostName(authority: string): string | undefined {
  const lower = authority.toLowerCase();
  if (lower.startsWith('[')) return bracketed.exec(lower)?.[1];
  const colon = lower.indexOf(':');
  const name = colon < 0 ? lower : lower.slice(0, colon);
  if (colon >= 0 && !/^\d*$/.test(lower.slice(colon + 1))) return undefined;
  return plainName.test(name) ? name : undefined;
}
