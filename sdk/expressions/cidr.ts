/** An address as 16-bit groups: two for IPv4, eight for IPv6. An IPv4-mapped IPv6 address is the IPv4 one. */
export type Address = readonly number[];

/** A CIDR block: the addresses whose first `bits` bits equal those of `groups`. */
export interface Block {
  readonly groups: Address;
  readonly bits: number;
}

/** An octet or prefix length; a leading zero could be read as octal elsewhere. */
const shortDecimal = /^(?:0|[1-9][0-9]{0,2})$/;
const hexGroup = /^[0-9a-fA-F]{1,4}$/;
const mappedPrefixBits = 96;

/**
 * Parses an IPv4 or IPv6 address; undefined when it is none. An IPv6 zone (`%eth0`) is ignored, and
 * `::ffff:192.0.2.1` is 192.0.2.1, as dual-stack sockets report IPv4 peers.
 */
export function parseAddress(text: string): Address | undefined {
  const zone = text.indexOf('%');
  if (zone < 0) return unmapped(parseIpv4(text) ?? parseIpv6(text));
  return zone === text.length - 1 ? undefined : unmapped(parseIpv6(text.slice(0, zone)));
}

/**
 * Parses `address/bits`, or an address alone, which is a block of one; undefined when it is neither. Bits
 * beyond the prefix may be set and are ignored. A block inside `::ffff:0:0/96` is the IPv4 block it maps.
 */
export function parseBlock(text: string): Block | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const groups = parseIpv4(address) ?? parseIpv6(address);
  if (groups === undefined || rest.length > 0) return undefined;
  const width = groups.length * 16;
  if (prefix !== undefined && !(shortDecimal.test(prefix) && Number(prefix) <= width)) return undefined;
  const bits = prefix === undefined ? width : Number(prefix);
  const isMapped = groups !== unmapped(groups) && bits >= mappedPrefixBits;
  return isMapped ? { groups: groups.slice(6), bits: bits - mappedPrefixBits } : { groups, bits };
}

/** Whether `block` has `address`; never when one is IPv4 and the other IPv6 (`::/0` is not "everything"). */
export function contains(block: Block, address: Address): boolean {
  if (block.groups.length !== address.length) return false;
  let bits = block.bits;
  for (let index = 0; bits > 0; index++, bits -= 16) {
    const shift = Math.max(0, 16 - bits);
    if ((block.groups[index] ?? 0) >> shift !== (address[index] ?? 0) >> shift) return false;
  }
  return true;
}

function unmapped(groups: Address | undefined): Address | undefined {
  if (groups?.length !== 8 || groups[5] !== 0xffff) return groups;
  return groups.slice(0, 5).every((group) => group === 0) ? groups.slice(6) : groups;
}

function parseIpv4(text: string): Address | undefined {
  // The longest IPv4 address; a longer text, which a client may send, is not worth splitting.
  if (text.length > 15) return undefined;
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((part) => shortDecimal.test(part) && Number(part) <= 255))
    return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
  return [a * 256 + b, c * 256 + d];
}

function parseIpv6(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  const [head = '', tail, ...rest] = text.split('::');
  if (rest.length > 0) return undefined;
  const before = parseGroups(head, tail === undefined);
  const after = parseGroups(tail ?? '', true);
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

/** The groups between colons; the last may be an IPv4 address when it ends the whole text. */
function parseGroups(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const ipv4 = isLast && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 === undefined && !hexGroup.test(part)) return undefined;
    groups.push(...(ipv4 ?? [Number.parseInt(part, 16)]));
  }
  return groups;
}
