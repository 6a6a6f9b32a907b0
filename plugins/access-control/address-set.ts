import { type Address, type Block, parseAddress, parseBlock } from '#sdk/expressions';

/**
 * An address as text of one character for each 16-bit group: text compares as the addresses do, IPv4 and IPv6 alike,
 * without arithmetic on 128 bits.
 */
type Packed = string;

interface Range {
  readonly first: Packed;
  readonly last: Packed;
}

/** What may stand in a list; for messages. */
const allowedAddresses =
  'allowed: an address (192.0.2.1, 2001:db8::1), a block (192.0.2.0/24) or a range (192.0.2.1-192.0.2.9)';

/** Reads an address, a block or a range; says what is wrong with it otherwise. */
export function readRange(text: string): Range | string {
  const [from = '', to, ...rest] = text.split('-').map((part) => part.trim());
  if (to === undefined) {
    const block = parseBlock(from);
    return block === undefined ? allowedAddresses : blockRange(block);
  }
  const first = readEnd(from);
  const last = readEnd(to);
  if (first === undefined || last === undefined || rest.length > 0) return allowedAddresses;
  if (first.length !== last.length) return 'both ends of a range must be IPv4, or both IPv6';
  return first <= last ? { first, last } : 'a range begins with its lower address';
}

/** Addresses, found in a few comparisons whatever their number. */
export class AddressSet {
  readonly #ipv4: readonly Range[];
  readonly #ipv6: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.#ipv4 = merged(ranges.filter(({ first }) => first.length === 2));
    this.#ipv6 = merged(ranges.filter(({ first }) => first.length === 8));
  }

  /** Whether the address is in the set; undefined when the text is no address. */
  has(text: string): boolean | undefined {
    const address = parseAddress(text);
    if (address === undefined) return undefined;
    const packed = pack(address);
    const ranges = packed.length === 2 ? this.#ipv4 : this.#ipv6;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ranges[middle]?.last ?? '') < packed) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low];
    return range !== undefined && range.first <= packed;
  }
}

function pack(groups: Address): Packed {
  return String.fromCharCode(...groups);
}

// A zone (`%eth0`) means something on the host of the peer only.
function readEnd(text: string): Packed | undefined {
  const address = text.includes('%') ? undefined : parseAddress(text);
  return address === undefined ? undefined : pack(address);
}

function blockRange({ groups, bits }: Block): Range {
  const first: number[] = [];
  const last: number[] = [];
  for (const [index, group] of groups.entries()) {
    const own = Math.min(16, Math.max(0, bits - index * 16));
    const free = 0xffff >> own;
    first.push(group & ~free);
    last.push(group | free);
  }
  return { first: pack(first), last: pack(last) };
}

/** In order, without overlap. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first === b.first ? 0 : 1))) {
    const before = result.at(-1);
    if (before === undefined || before.last < range.first) result.push(range);
    else if (before.last < range.last) result[result.length - 1] = { first: before.first, last: range.last };
  }
  return result;
}
