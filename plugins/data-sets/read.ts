import type { SetupKit } from '#sdk';
import { type Block, parseBlock } from '#sdk/expressions';
import { type DataSetConfig, formProblem } from './options.ts';
import { BlockSet, ValueSet, blockKey } from './sets.ts';

/** More is a database's work. */
const maxFileItems = 100_000;
/** Of a file of a hundred thousand wrong lines. */
const maxTold = 10;

/** Where an item stands. */
interface Place {
  readonly path: readonly (string | number)[];
  /** For messages: `items[3]` or `line 7`. */
  readonly name: string;
}

/** Reads a data set; reports what is wrong with its items. Says nothing of what an item of BASIC_AUTH_ACCESS holds. */
export function readDataSet(name: string, config: DataSetConfig, kit: SetupKit): ValueSet {
  const reader = new ItemReader(config, (place, message) => kit.problem(place.path, message));
  const base = ['dataSets', name];
  for (const [index, item] of config.items.entries()) {
    const path = [...base, 'items', index];
    const place = { path, name: `items[${index}]` };
    if (typeof item === 'string') reader.add(item, undefined, place);
    else reader.add(item.value, item.expires, place);
  }
  if (config.file !== undefined) readFile([...base, 'file'], config.file, reader, kit);
  const { items, blocks } = reader;
  return config.type === 'IP_WHITELIST_CIDR'
    ? new BlockSet(name, items, blocks, kit.clock)
    : new ValueSet(name, config.type, items, kit.clock);
}

function readFile(path: readonly string[], name: string, reader: ItemReader, kit: SetupKit): void {
  const text = kit.readText(path, name)?.text ?? '';
  let count = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*$|^#/.test(line)) continue;
    count += 1;
    const [value = '', ...behind] = line.split('\t').map((part) => part.trim());
    const expires = behind.length === 0 ? undefined : behind.join('\t');
    reader.add(value, expires, { path, name: `line ${index + 1}` });
  }
  if (count > maxFileItems) kit.problem(path, `found ${count} items; allowed: at most ${maxFileItems}`);
}

/** Gathers the items of one set. */
class ItemReader {
  readonly items = new Map<string, number>();
  readonly blocks: (readonly [Block, number])[] = [];
  readonly #config: DataSetConfig;
  readonly #tell: (place: Place, message: string) => void;
  readonly #first = new Map<string, Place>();
  #told = 0;

  constructor(config: DataSetConfig, tell: (place: Place, message: string) => void) {
    this.#config = config;
    this.#tell = tell;
  }

  add(value: string, expires: string | undefined, place: Place): void {
    const problem = formProblem(value, expires);
    if (problem !== undefined) return this.#report(place, problem);
    const until = expires === undefined ? Infinity : Date.parse(expires);
    const key = this.#keyOf(value, until, place);
    if (key === undefined) return;
    const twin = this.#first.get(key);
    if (twin !== undefined) return this.#report(place, `this item stands at ${twin.name} already`);
    this.#first.set(key, place);
    this.items.set(value, until);
  }

  #report(place: Place, message: string): void {
    this.#told += 1;
    const isListed = place.name.startsWith('items');
    if (this.#told <= maxTold || isListed)
      this.#tell(place, isListed ? message : `${place.name}: ${message}`);
  }

  /** What makes two items the same; undefined when it is none, which is then reported. */
  #keyOf(value: string, until: number, place: Place): string | undefined {
    const { type } = this.#config;
    if (type === 'IP_WHITELIST_CIDR') {
      const block = parseBlock(value);
      if (block === undefined) {
        this.#report(place, 'this is no address (192.0.2.1, 2001:db8::1) and no block (192.0.2.0/24)');
        return undefined;
      }
      this.blocks.push([block, until]);
      return blockKey(block);
    }
    if (type === 'BASIC_AUTH_ACCESS' && !/^[^:]+:./.test(value)) {
      this.#report(place, 'an item of BASIC_AUTH_ACCESS is a user name, a colon and a password');
      return undefined;
    }
    return value;
  }
}
