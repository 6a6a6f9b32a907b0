import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';

const maxRandomBytes = 65_536;

/**
 * What an isolate is lent of this process: pure functions of texts and bytes, which come and go as copies. An isolate that
 * calls them with anything else gets an error or nonsense, and nothing of ours.
 */
export const hostFunctions = {
  utf8Encode: (text: unknown): ArrayBuffer => toArrayBuffer(Buffer.from(String(text), 'utf8')),
  utf8Decode(bytes: unknown, isFatal: unknown): string | undefined {
    try {
      return new TextDecoder('utf-8', { fatal: isFatal === true, ignoreBOM: true }).decode(bytesOf(bytes));
    } catch {
      return undefined;
    }
  },
  hash: (algorithm: unknown, bytes: unknown): ArrayBuffer =>
    toArrayBuffer(createHash(String(algorithm)).update(bytesOf(bytes)).digest()),
  hmac: (algorithm: unknown, key: unknown, bytes: unknown): ArrayBuffer =>
    toArrayBuffer(createHmac(String(algorithm), bytesOf(key)).update(bytesOf(bytes)).digest()),
  random(size: unknown): ArrayBuffer {
    if (typeof size !== 'number' || !(size >= 0 && size <= maxRandomBytes))
      throw new RangeError(`at most ${maxRandomBytes} random bytes at once`);
    return toArrayBuffer(randomBytes(size));
  },
  uuid: (): string => randomUUID(),
  /** The parts of a URL as JSON, after one of them was set when `key` names it; undefined when it is none. */
  parseUrl(text: unknown, base: unknown, key: unknown, value: unknown): string | undefined {
    const url = URL.parse(String(text), typeof base === 'string' ? base : undefined);
    if (url === null) return undefined;
    if (typeof key === 'string' && settable.has(key)) Reflect.set(url, key, String(value));
    const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url;
    return JSON.stringify({
      href,
      origin,
      protocol,
      username,
      password,
      host,
      hostname,
      port,
      pathname,
      search,
      hash,
    });
  },
} satisfies Record<string, (...args: unknown[]) => unknown>;

const settable = new Set([
  'href',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
]);

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError('bytes must be an ArrayBuffer');
}

/** A copy: small Buffers share a pool, whose other bytes are nobody's business. */
function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
