import type { Fields } from '#sdk';
import { linesOf } from '#sdk/fields';

/** What decides how an answer's content is delimited (RFC 9112 section 6.3). */
export interface Framed {
  readonly status: number;
  /** Of the request. */
  readonly method: string | undefined;
  /** Of the request. */
  readonly httpVersion: string;
  /** Undefined while the content still arrives. */
  readonly length: number | undefined;
  readonly hasTrailers: boolean;
}

/**
 * `none`: the head is all; `sized`: by Content-Length; `chunked`; `closed`: by the end of the connection, for a caller
 * that does not know chunks.
 */
export type Framing = 'none' | 'sized' | 'chunked' | 'closed';

/**
 * Leaves among an answer's fields only the framing that holds on the caller's connection: whatever a backend or a plugin
 * put there, two readings of where the answer ends must not be possible.
 */
export function frame(
  headers: Fields,
  { status, method, httpVersion, length, hasTrailers }: Framed,
): Framing {
  const { announced, hasTrailer } = prune(headers);
  const isBare = method === 'HEAD' || status === 204 || status === 304;
  const isOpen = length === undefined || (hasTrailers && announced === undefined && httpVersion === '1.1');
  let framing: Framing;
  if (isBare) framing = 'none';
  else if (!isOpen || announced !== undefined) framing = 'sized';
  else framing = httpVersion === '1.1' ? 'chunked' : 'closed';
  if (hasTrailer && framing !== 'chunked') headers.delete('trailer');
  if (status === 204) {
    if (announced !== undefined) headers.delete('content-length');
    return framing;
  }
  // For HEAD and 304 the length is that of another answer's content; nothing here tells it when there are no bytes.
  const isKnown = isBare
    ? method === 'HEAD' && length !== undefined && length > 0
    : framing === 'sized' && !isOpen;
  if (!isKnown) return framing;
  if (announced === undefined) linesOf(headers).push('Content-Length', String(length));
  else if (announced !== String(length)) headers.set('Content-Length', String(length));
  return framing;
}

function prune(headers: Fields): { announced: string | undefined; hasTrailer: boolean } {
  const flat = linesOf(headers);
  let announced: string | undefined;
  let hasTrailer = false;
  let hasForbidden = false;
  for (let index = 0; index < flat.length; index += 2) {
    // The length spares most names the rest.
    const name = flat[index] ?? '';
    const { length } = name;
    if (length !== 7 && length !== 10 && length !== 14 && length !== 17) continue;
    const lower = name.toLowerCase();
    if (lower === 'content-length') announced = flat[index + 1];
    else if (lower === 'trailer') hasTrailer = true;
    else if (connectionFields.has(lower)) hasForbidden = true;
  }
  if (hasForbidden) headers.deleteAll(connectionFields);
  return { announced, hasTrailer };
}

/** What Node writes itself; from anybody else it would contradict that. */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);
