import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import type { Inbound } from '../exchange.ts';

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
]);

const jsonType = /^(?:application|text)\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Reads the body of an answer as JSON (UTF-8); the answer goes on as it was. Resolves to undefined when it is none: it has
 * more than `maxBytes`, before or after it was decompressed (gzip, deflate, br or zstd, one of them once), breaks off, or
 * does not parse. Answers undefined at once, waiting for nothing, when it cannot be any: its type is another one.
 * Of text and of answers without a type those that announce their length are looked at, since many backends name no
 * type; others may be streams, which nobody should wait for.
 */
export function readJsonAnswer(inbound: Inbound, maxBytes: number): Promise<unknown> | undefined {
  const { headers } = inbound;
  if (!inbound.hasBody || !mayBeJson(headers.get('content-type'), headers.get('content-length')))
    return undefined;
  const coding = headers.combined('content-encoding')?.trim().toLowerCase() ?? '';
  const decode = decoders.get(coding);
  if (decode === undefined && coding !== '' && coding !== 'identity') return undefined;
  return parse(inbound, maxBytes, decode);
}

function mayBeJson(type: string | undefined, length: string | undefined): boolean {
  if (type !== undefined && jsonType.test(type)) return true;
  return length !== undefined && (type === undefined || /^text\/(?!event-stream)/i.test(type));
}

async function parse(inbound: Inbound, maxBytes: number, decode: Decode | undefined): Promise<unknown> {
  const sent = await inbound.peekBody(maxBytes);
  if (sent === undefined || sent.length === 0) return undefined;
  try {
    const bytes = decode === undefined ? sent : await decode(sent, { maxOutputLength: maxBytes });
    return JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, '')) as unknown;
  } catch {
    // Whatever is wrong with it is between the caller and the backend.
    return undefined;
  }
}
