import { EVENT_ID, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import type { AliasEvent, MappingEvent, ScalarEvent, SequenceEvent } from 'js-yaml';
import type { Events } from './events.ts';
import { MAX_DEPTH } from './parse.ts';
import { formatPath, formatPosition, type Problem } from './problems.ts';
import type { Memory, Place, Stretch } from './known.ts';
import { LateNode, type Maker, type Part } from './late-node.ts';
import { resolveScalar } from './scalars.ts';
import type { Secrets } from './secrets.ts';
import { childrenOf, toValue, type Node, type Source } from './tree.ts';

const MAX_ALIASED_NODES = 2_000_000;
const TAG_PREFIX = 'tag:yaml.org,2002:';
const SCALAR_TAGS = ['str', 'int', 'float', 'bool', 'null'];

/** How many values are read in one step. */
const stepNodes = 32;

type Composing<T> = Generator<undefined, T, unknown>;

/** The node is undefined while it is still being read. */
type Anchor = { node: Node | undefined };

/** How deep the entries of sections lie. */
const entryDepth = 2;

/** Turns the events of one document into nodes that know where they were written. */
export class Composer implements Maker {
  readonly source: Source;
  readonly #events: Events;
  readonly #secrets: Secrets;
  readonly #problems: Problem[];
  readonly #known: Memory | undefined;
  readonly #anchors = new Map<string, Anchor>();
  readonly #path: (string | number)[] = [];
  /** How much there was whose meaning does not follow from the text of an entry alone. */
  #entangled = 0;
  /** How many of the collections that are being read have an anchor. */
  #anchored = 0;
  /** Behind that of the document. */
  #next = 1;
  #made = 0;
  #aliased = 0;

  /** @param known entries that need not be read, and takes those that are */
  constructor(source: Source, secrets: Secrets, problems: Problem[], known?: Memory) {
    this.source = source;
    this.#events = source.events;
    this.#secrets = secrets;
    this.#problems = problems;
    this.#known = known;
  }

  /** The root, in steps of some values. */
  document(): Composing<Node> {
    return this.#value(0);
  }

  *#value(keyAt: number): Composing<Node> {
    return this.#leaf(keyAt) ?? (yield* this.#collection(keyAt));
  }

  /** The next value unless it is a collection. `keyAt` is also the position of one that is not written at all, as in `key:`. */
  #leaf(keyAt: number): Node | undefined {
    const event = this.#events.at(this.#next);
    if (event?.type === EVENT_ID.ALIAS) {
      this.#next += 1;
      return this.#alias(event, keyAt);
    }
    if (event?.type !== EVENT_ID.SCALAR) return undefined;
    const anchor = this.#anchor(event);
    const node = this.#scalar(event, keyAt);
    this.#next += 1;
    if (anchor !== undefined) anchor.node = node;
    return node;
  }

  *#collection(keyAt?: number): Composing<Node> {
    const isEntry = this.#path.length === entryDepth && this.#anchored === 0;
    return isEntry ? yield* this.#entry(keyAt) : yield* this.#wholeCollection(keyAt);
  }

  /** Of an entry whose text says all there is to know, no node is kept. */
  *#entry(keyAt?: number): Composing<Node> {
    const event = this.#next;
    const stretch = this.#known && this.#stretchAt(event);
    let value = stretch && this.#known?.meet(this.#place(), stretch);
    if (value === undefined) {
      const before = this.#entangled + this.#secrets.asked;
      const node = yield* this.#wholeCollection(keyAt);
      if (this.#entangled + this.#secrets.asked > before) return node;
      value = toValue(node);
      if (stretch === undefined) this.#known?.mark(this.#place());
      else this.#known?.keep(this.#place(), stretch, value);
    } else this.#next = this.#events.behind(event);
    return new LateNode(this, { event, keyAt: keyAt ?? this.startAt(event, 0) }, value);
  }

  /** Tells whether a section, or an entry of which there is a node, is what it was. */
  #note(node: Node): void {
    if (this.#known === undefined || this.#path.length > entryDepth || node instanceof LateNode) return;
    const { content } = node;
    const place = this.#place();
    const kind = content instanceof Map ? 'mapping' : Array.isArray(content) ? 'list' : undefined;
    if (kind === undefined) this.#known.note(place, content);
    else if (this.#path.length < entryDepth) this.#known.note(place, kind);
    else this.#known.mark(place);
  }

  #place(): Place {
    const [section, name] = this.#path;
    return { file: this.source.file, section: String(section), name };
  }

  /**
   * Undefined for one that has an anchor or a tag, which stand before its text, and for a pair without braces, `[a: b]`,
   * which the same text is not elsewhere.
   */
  #stretchAt(index: number): Stretch | undefined {
    const start = this.#events.plainStart(index);
    const { text } = this.source;
    if (start === -1 || (this.#events.isFlow(index) && !'{['.includes(text.charAt(start)))) return undefined;
    let behind = this.#events.behind(index);
    while (this.#events.isPop(behind)) behind += 1;
    const end = this.startAt(behind, text.length);
    return { source: text, start, end, column: this.source.columnOf(start) };
  }

  *#wholeCollection(keyAt?: number): Composing<Node> {
    const event = this.#events.at(this.#next);
    if (event?.type !== EVENT_ID.MAPPING && event?.type !== EVENT_ID.SEQUENCE)
      throw new Error('a value is missing');
    this.#next += 1;
    const anchor = this.#anchor(event);
    if (anchor !== undefined) this.#anchored += 1;
    const isMap = event.type === EVENT_ID.MAPPING;
    this.#tag(event, event.start, [isMap ? 'map' : 'seq']);
    const content = isMap ? yield* this.#entries(event.start) : yield* this.#items(event.start);
    const node = this.#make(event.start, keyAt ?? event.start, content);
    if (anchor === undefined) return node;
    anchor.node = node;
    this.#anchored -= 1;
    return node;
  }

  make(event: number, keyAt: number): Node {
    const again = new Composer(this.source, this.#secrets, []);
    again.#next = event;
    return atOnce(again.#value(keyAt));
  }

  startAt(index: number, keyAt: number): number {
    const event = this.#events.at(index);
    if (event?.type === EVENT_ID.SCALAR) return startOf(this.source.text, event, keyAt);
    return event?.type === EVENT_ID.MAPPING || event?.type === EVENT_ID.SEQUENCE ? event.start : keyAt;
  }

  partAt(index: number, step: string | number): Part | undefined {
    const outer = this.#events.at(index);
    const isMap = outer?.type === EVENT_ID.MAPPING;
    if (!isMap && outer?.type !== EVENT_ID.SEQUENCE) return undefined;
    let event = index + 1;
    for (let count = 0; !this.#events.isPop(event); count += 1) {
      const keyAt = this.startAt(event, outer.start);
      const key = isMap ? this.#events.at(event) : undefined;
      if (isMap) event += 1;
      const name = key?.type === EVENT_ID.SCALAR ? getScalarValue(this.source.text, key) : count;
      if (isMap ? name === String(step) : name === Number(step)) return { event, keyAt };
      event = this.#events.behind(event);
    }
    return undefined;
  }

  /** Known before its value is: an alias within it must not find an earlier one of the same name. */
  #anchor({ anchorStart, anchorEnd }: ScalarEvent | MappingEvent | SequenceEvent): Anchor | undefined {
    if (anchorStart === -1) return undefined;
    this.#entangled += 1;
    const anchor: Anchor = { node: undefined };
    this.#anchors.set(this.#slice(anchorStart, anchorEnd), anchor);
    return anchor;
  }

  #make(at: number, keyAt: number, content: Node['content']): Node {
    return { source: this.source, at, keyAt, content, isSecret: false };
  }

  #scalar(event: ScalarEvent, keyAt: number): Node {
    const at = startOf(this.source.text, event, keyAt);
    const tag = this.#tag(event, at, SCALAR_TAGS);
    const report = (message: string): void => this.#report(at, message);
    const written = getScalarValue(this.source.text, event);
    const { text, isSecret, isWhole, values } = this.#secrets.replace(written, this.source.file, report);
    const isPlain = event.style === SCALAR_STYLE.PLAIN && (!isSecret || isWhole);
    const value = tag !== undefined || isPlain ? resolveScalar(text, tag && TAG_PREFIX + tag) : text;
    if (value === undefined) report(`the value does not fit its tag !!${tag}`);
    // An id of twenty digits, unquoted, would silently become another id.
    const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
    if (isRounded) report('a number of so many digits is not kept exactly; quote it');
    const node = this.#make(at, keyAt, value ?? null);
    if (isSecret) return { ...node, isSecret, secrets: values };
    return typeof value === 'string' && event.valueStart !== -1 ? { ...node, written: this.#next } : node;
  }

  *#items(start: number): Composing<Node[]> {
    const items: Node[] = [];
    while (!this.#closes()) {
      this.#path.push(items.length);
      const leaf = this.#leaf(start);
      const item = leaf ? { ...leaf, keyAt: leaf.at } : yield* this.#collection();
      items.push(item);
      this.#note(item);
      this.#path.pop();
      if (this.#isStep()) yield;
    }
    return items;
  }

  *#entries(start: number): Composing<Map<string, Node>> {
    const entries = new Map<string, Node>();
    const merged = new Set<string>();
    while (!this.#closes()) {
      const { name, at, isMerge } = this.#key(start);
      this.#path.push(name ?? '?');
      const node = this.#leaf(at) ?? (yield* this.#collection(at));
      this.#note(node);
      const earlier = name === undefined ? undefined : entries.get(name);
      if (isMerge) this.#merge(node, entries, merged);
      else if (earlier && !merged.delete(name ?? '')) {
        const first = formatPosition(this.source.positionOf(earlier.keyAt));
        this.#report(at, `this key is already written at ${first}`);
      } else if (name !== undefined) entries.set(name, node);
      this.#path.pop();
      if (this.#isStep()) yield;
    }
    return entries;
  }

  /** Keys must be written out: an alias could carry a secret into a name, and names are printed. */
  #key(fallback: number): { name?: string; at: number; isMerge: boolean } {
    const event = this.#events.at(this.#next);
    if (event?.type !== EVENT_ID.SCALAR) {
      const { at } = atOnce(this.#value(fallback));
      this.#report(at, 'a key must be a text, not an alias, a list or a mapping');
      return { at, isMerge: false };
    }
    this.#next += 1;
    const at = startOf(this.source.text, event, fallback);
    this.#tag(event, at, SCALAR_TAGS);
    const name = getScalarValue(this.source.text, event);
    const isBare = event.style === SCALAR_STYLE.PLAIN && event.tagStart === -1;
    return { name, at, isMerge: isBare && name === '<<' };
  }

  /** Keys of the mapping itself win over merged ones, and the first of several merged mappings wins. */
  #merge(node: Node, entries: Map<string, Node>, merged: Set<string>): void {
    this.#entangle();
    for (const { at, content } of Array.isArray(node.content) ? node.content : [node]) {
      if (!(content instanceof Map)) {
        this.#report(at, '<< takes a mapping or a list of mappings');
        continue;
      }
      for (const [name, child] of content) {
        if (entries.has(name)) continue;
        entries.set(name, child);
        merged.add(name);
      }
    }
  }

  #alias(event: AliasEvent, keyAt: number): Node {
    this.#entangle();
    const at = event.anchorStart - 1;
    const name = this.#slice(event.anchorStart, event.anchorEnd);
    const anchor = this.#anchors.get(name);
    const node = anchor?.node;
    if (node !== undefined) {
      const isFirst = this.#aliased <= MAX_ALIASED_NODES;
      this.#aliased += this.#countBelow(node, this.#path.length);
      if (this.#aliased <= MAX_ALIASED_NODES) return { ...node, at, keyAt };
      if (isFirst) this.#report(at, `aliases such as *${name} make this file too large or too deep`);
    } else if (anchor) this.#report(at, `the alias *${name} stands inside its own anchor`);
    else this.#report(at, `the anchor &${name} is not defined above`);
    return this.#make(at, keyAt, null);
  }

  /** What comes from elsewhere may be the whole of a section. */
  #entangle(): void {
    this.#entangled += 1;
    if (this.#path.length <= entryDepth) this.#known?.entangle(this.#place().section);
  }

  /** Infinity when there are too many nodes or levels for an alias to stand for. */
  #countBelow(node: Node, depth: number): number {
    let count = depth > MAX_DEPTH ? Infinity : 1;
    for (const child of childrenOf(node)) {
      if (this.#aliased + count > MAX_ALIASED_NODES) return Infinity;
      count += this.#countBelow(child, depth + 1);
    }
    return count;
  }

  #isStep(): boolean {
    this.#made += 1;
    return this.#made % stepNodes === 0;
  }

  #closes(): boolean {
    const closes = this.#events.isPop(this.#next);
    if (closes) this.#next += 1;
    return closes;
  }

  #tag(
    event: { tagStart: number; tagEnd: number },
    at: number,
    allowed: readonly string[],
  ): string | undefined {
    if (event.tagStart === -1) return undefined;
    const written = this.#slice(event.tagStart, event.tagEnd);
    // The non-specific tag `!`: a scalar is a text, a collection is what it is.
    const tag = written === '!' ? allowed[0] : /^(?:!!|!<tag:yaml\.org,2002:)(\w+)>?$/.exec(written)?.[1];
    if (tag !== undefined && allowed.includes(tag)) return tag;
    this.#report(at, `the tag ${written} is not supported; allowed here: !!${allowed.join(', !!')}`);
    return undefined;
  }

  #slice(start: number, end: number): string {
    return this.source.text.slice(start, end);
  }

  #report(offset: number, message: string): void {
    this.#entangled += 1;
    this.#problems.push({ at: this.source.positionOf(offset), path: formatPath(this.#path), message });
  }
}

function atOnce<T>(steps: Composing<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** The parser gives where the content begins: behind a quote, or at the line below the `|` of a block. */
function startOf(text: string, event: ScalarEvent, fallback: number): number {
  const { valueStart, valueEnd, style, tagStart } = event;
  const isQuoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  if (valueStart === -1) return tagStart === -1 ? fallback : tagStart;
  if (isQuoted || style === SCALAR_STYLE.PLAIN) return isQuoted ? valueStart - 1 : valueStart;
  const indent = text.slice(valueStart, valueEnd).search(/\S/);
  return indent === -1 ? fallback : valueStart + indent;
}
