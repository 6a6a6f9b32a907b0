import { getFips, hash } from 'node:crypto';
import { loadFfi } from '../ffi.ts';

// SHA-256 of short messages, by OpenSSL's function for whole blocks. What Node and OpenSSL do around the blocks of a message
// takes longer than the blocks, and keeps no state that a key has led to: the three hashes of a signature take a third of
// the time here. One message at a time, in a buffer that is kept: all of it is synchronous. Functions of a module and not
// methods, because V8 calls a function of C without a detour only where it is sure which one it is.

/** What whole blocks have led to. */
export type Sha256State = Int32Array;

export const blockBytes = 64;
const stateWords = 8;
const digestBytes = 32;
const maxBlocks = 64;
/** More than OpenSSL's `SHA256_CTX`, which begins with the state; the rest is nothing as long as only whole blocks come. */
const contextBytes = 256;
/** Behind a message come a mark and its length in bits. */
const trailerBytes = 9;

/** The longest message. */
export const maxMessageBytes = maxBlocks * blockBytes - trailerBytes;

/** FIPS 180-4 section 5.3.3. */
export const initialState: Sha256State = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** The two digits of each byte. */
const digits = Buffer.from(
  Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join(''),
  'latin1',
);

const memory = new ArrayBuffer(contextBytes + maxBlocks * blockBytes);
const state = new Int32Array(memory, 0, stateWords);
const words = new Int32Array(memory, contextBytes);
const bytes = Buffer.from(memory, contextBytes);
const update = openUpdate();

/** Whether it can be used here; without it all is up to `node:crypto`. */
export const isSha256Quick = update !== null && isRight();

/** Brings so many blocks into the state. Null where Node is too old, or another build. */
function openUpdate(): ((blocks: number) => void) | null {
  // It is not what was validated.
  if (getFips() === 1) return null;
  try {
    const ffi = loadFfi();
    // The length, too, goes as a pointer, of the same size: of a number V8 would call with a detour.
    const { SHA256_Update: call } = ffi.dlopen(null, {
      SHA256_Update: { arguments: ['pointer', 'pointer', 'pointer'], return: 'void' },
    }).functions;
    const context = ffi.getRawPointer(memory);
    const message = context + BigInt(contextBytes);
    const lengths = Array.from({ length: maxBlocks + 1 }, (_, blocks) => BigInt(blocks * blockBytes));
    return (blocks) => {
      const length = lengths[blocks];
      if (length === undefined) throw new RangeError('a message that is too long');
      call(context, message, length);
    };
  } catch {
    return null;
  }
}

/** Puts a text's UTF-8 bytes at a place of the next message; answers where they end. */
export function putText(text: string, at: number): number {
  return at + bytes.write(text, at, 'utf8');
}

/** Hashes the message that was put there, of at most `maxMessageBytes`, from the state that `before` bytes have led to. */
export function run(length: number, from: Sha256State, before: number): void {
  const blocks = Math.ceil((length + trailerBytes) / blockBytes);
  const end = blocks * blockBytes;
  bytes[length] = 0x80;
  let at = length + 1;
  for (; at % 4 !== 0; at++) bytes[at] = 0;
  // Few of them: `fill` takes longer.
  for (let word = at >> 2; word < end >> 2; word++) words[word] = 0;
  const bits = (before + length) * 8;
  bytes[end - 3] = bits >>> 16;
  bytes[end - 2] = bits >>> 8;
  bytes[end - 1] = bits;
  for (let index = 0; index < stateWords; index++) state[index] = from[index] ?? 0;
  update?.(blocks);
}

/** What the first block of a message leads to. */
export function stateAfter(message: Uint8Array): Sha256State {
  bytes.set(message);
  state.set(initialState);
  update?.(1);
  return state.slice();
}

/** Makes the digest the next message; answers where it ends. */
export function putDigest(): number {
  for (let index = 0; index < stateWords; index++) {
    const word = state[index] ?? 0;
    bytes[4 * index] = word >>> 24;
    bytes[4 * index + 1] = word >>> 16;
    bytes[4 * index + 2] = word >>> 8;
    bytes[4 * index + 3] = word;
  }
  return digestBytes;
}

/** Puts the digest at a place of the next message, in lower-case hexadecimal; answers where it ends. */
export function putHexDigest(from: number): number {
  let at = from;
  for (let index = 0; index < stateWords; index++) {
    const word = state[index] ?? 0;
    for (let shift = 24; shift >= 0; shift -= 8) {
      const pair = 2 * ((word >>> shift) & 0xff);
      bytes[at] = digits[pair] ?? 0;
      bytes[at + 1] = digits[pair + 1] ?? 0;
      at += 2;
    }
  }
  return at;
}

/** The digest as a text. */
export function digestText(encoding: 'base64' | 'hex'): string {
  if (encoding === 'hex') return bytes.toString('latin1', 0, putHexDigest(0));
  return bytes.toString('base64', 0, putDigest());
}

/** Whether a text is the digest in lower-case hexadecimal; how long it takes tells nothing but whether its length is right. */
export function isHexDigest(given: string): boolean {
  if (given.length !== 2 * digestBytes) return false;
  let difference = 0;
  for (let index = 0; index < digestBytes; index++) {
    const pair = 2 * (((state[index >> 2] ?? 0) >>> (24 - 8 * (index & 3))) & 0xff);
    difference |= (digits[pair] ?? 0) ^ given.charCodeAt(2 * index);
    difference |= (digits[pair + 1] ?? 0) ^ given.charCodeAt(2 * index + 1);
  }
  return difference === 0;
}

/** Of another function the digests would be others. */
function isRight(): boolean {
  return [0, 3, 55, 56, 64, 119, 120, 1000, maxMessageBytes].every((length) => {
    for (let at = 0; at < length; at++) bytes[at] = at * 7;
    const expected = hash('sha256', bytes.subarray(0, length), 'hex');
    run(length, initialState, 0);
    return digestText('hex') === expected;
  });
}
