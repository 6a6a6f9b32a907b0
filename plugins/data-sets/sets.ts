import type { Clock, DataSet, DataSetType } from '#sdk';
import { type Address, type Block, parseAddress } from '#sdk/expressions';

/** Each item, and when it expires in milliseconds since 1970; `Infinity`: never. */
export type Items = ReadonlyMap<string, number>;

/** A list whose items are compared as they are. */
export class ValueSet implements DataSet {
  readonly name: string;
  readonly type: DataSetType;
  readonly #items: Items;
  readonly #clock: Clock;

  constructor(name: string, type: DataSetType, items: Items, clock: Clock) {
    this.name = name;
    this.type = type;
    this.#items = items;
    this.#clock = clock;
  }

  has(item: string): boolean {
    return isAlive(this.#items.get(item), this.#clock);
  }

  items(): readonly string[] {
    return this.entries().map(([item]) => item);
  }

  /** What is in it now, with its expiry, in the order of the configuration. */
  entries(): readonly (readonly [string, number])[] {
    const now = this.#clock.now();
    return [...this.#items].filter(([, expires]) => expires > now);
  }
}

/** A list of blocks: a look-up for each length of block that occurs, however many blocks there are. */
export class BlockSet extends ValueSet {
  readonly #levels = new Map<string, Level>();
  readonly #clock: Clock;

  /** @param blocks the items read, in any order */
  constructor(name: string, items: Items, blocks: Iterable<readonly [Block, number]>, clock: Clock) {
    super(name, 'IP_WHITELIST_CIDR', items, clock);
    this.#clock = clock;
    for (const [{ groups, bits }, expires] of blocks) {
      const level = `${groups.length}/${bits}`;
      const { members } = getOrAdd(this.#levels, level, () => ({
        width: groups.length,
        bits,
        members: new Map<number | string, number>(),
      }));
      members.set(prefixOf(groups, bits), expires);
    }
  }

  override has(item: string): boolean {
    const address = parseAddress(item);
    if (address === undefined) return false;
    for (const { width, bits, members } of this.#levels.values()) {
      if (width === address.length && isAlive(members.get(prefixOf(address, bits)), this.#clock)) return true;
    }
    return false;
  }
}

/** The blocks of one length, by the bits that they fix. */
interface Level {
  readonly width: number;
  readonly bits: number;
  readonly members: Map<number | string, number>;
}

/** The first `bits` bits: of IPv4 a number, for speed; of IPv6 text of a character for each 16. */
function prefixOf(groups: Address, bits: number): number | string {
  const [first = 0, second = 0] = groups;
  // A shift by 32 would be one by none.
  if (groups.length === 2) return bits === 0 ? 0 : ((first << 16) | second) >>> (32 - bits);
  const whole = bits >> 4;
  const rest = bits & 15;
  const fixed = groups.slice(0, whole);
  if (rest > 0) fixed.push((groups[whole] ?? 0) >> (16 - rest));
  return String.fromCharCode(...fixed);
}

/** Two texts for the same block have the same. */
export function blockKey({ groups, bits }: Block): string {
  return `${groups.length}/${bits} ${prefixOf(groups, bits)}`;
}

function isAlive(expires: number | undefined, clock: Clock): boolean {
  return expires !== undefined && (expires === Infinity || expires > clock.now());
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const there = map.get(key) ?? create();
  map.set(key, there);
  return there;
}
