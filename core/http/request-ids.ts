import { randomFillSync } from 'node:crypto';

/** Ids that are made at once, and the bytes of each as it is written. */
const count = 128;
const length = 36;

const digits = Buffer.from('0123456789abcdef', 'latin1');
const random = Buffer.alloc(16 * count);
const written = Buffer.alloc(length * count, '-');
let ids = '';
let next = 0;

/**
 * A random UUID (RFC 9562 section 5.4). `randomUUID` of Node puts each together from twenty texts, which whoever sends it
 * has to copy one by one; that takes eight times as long as cutting it out of a text of many.
 */
export function newRequestId(): string {
  if (next === ids.length) {
    write();
    next = 0;
  }
  next += length;
  return ids.slice(next - length, next);
}

function write(): void {
  randomFillSync(random);
  for (let from = 0, to = 0; from < random.length; from += 1) {
    const place = from % 16;
    let byte = random[from] ?? 0;
    if (place === 6) byte = (byte & 0x0f) | 0x40;
    else if (place === 8) byte = (byte & 0x3f) | 0x80;
    if (place === 4 || place === 6 || place === 8 || place === 10) to += 1;
    written[to] = digits[byte >> 4] ?? 0;
    written[to + 1] = digits[byte & 15] ?? 0;
    to += 2;
  }
  ids = written.toString('latin1');
}
