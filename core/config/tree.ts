import { flat } from '#sdk/flat';
import { Events } from './events.ts';
import { LateNode } from './late-node.ts';
import { lineStartsOf } from './parse.ts';
import type { Position } from './problems.ts';

/** The text of one file, able to turn an offset into a line and a column. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly events: Events;
  readonly #lineStarts: Int32Array;
  readonly #linesBefore: number;

  /** @param linesBefore in the file, of which the text is a part then */
  constructor(
    file: string,
    text: string,
    lineStarts = lineStartsOf(text),
    events = new Int32Array(0),
    linesBefore = 0,
  ) {
    this.file = file;
    this.#linesBefore = linesBefore;
    this.text = text;
    this.events = new Events(events);
    this.#lineStarts = lineStarts;
  }

  positionOf(offset: number): Position {
    const line = this.#lineOf(offset);
    return {
      file: this.file,
      line: this.#linesBefore + line + 1,
      column: offset - (this.#lineStarts[line] ?? 0) + 1,
    };
  }

  columnOf(offset: number): number {
    return offset - (this.#lineStarts[this.#lineOf(offset)] ?? 0) + 1;
  }

  #lineOf(offset: number): number {
    const starts = this.#lineStarts;
    let line = 0;
    let after = starts.length;
    while (after - line > 1) {
      const middle = (line + after) >> 1;
      if ((starts[middle] ?? 0) <= offset) line = middle;
      else after = middle;
    }
    return line;
  }
}

export type Scalar = string | number | boolean | null;

/** A value and where it was written. What an alias stands for is shared, so nodes are never changed once built. */
export interface Node {
  readonly source: Source;
  readonly at: number;
  /** The offset of its key, or `at` where there is none. */
  readonly keyAt: number;
  readonly content: Scalar | Node[] | Map<string, Node>;
  readonly isSecret: boolean;
  /** The event of a text, unless part of it came from elsewhere: places inside it are found by that. */
  readonly written?: number | undefined;
  /** What the references in a text stood for. */
  readonly secrets?: readonly string[] | undefined;
  /** Finds a part in place of `content`. */
  part?(step: string | number): Node | undefined;
}

export function childrenOf({ content }: Node): Iterable<Node> {
  if (content instanceof Map) return content.values();
  return Array.isArray(content) ? content : [];
}

/**
 * A plain value with its own copy of everything an alias stands for. Mappings have no prototype: a name such as
 * `constructor` that was not written must not be found, and `__proto__` is a name like any other.
 */
export function toValue(node: Node): unknown {
  if (node instanceof LateNode) return node.value;
  const { content } = node;
  if (content instanceof Map) {
    // `Object.create(null)` makes a hash table, which takes three times as much of what ten thousand APIs are made of.
    const record = Object.setPrototypeOf({}, null) as Record<string, unknown>;
    for (const [name, node] of content) record[name] = toValue(node);
    return record;
  }
  if (Array.isArray(content)) return content.map(toValue);
  return typeof content === 'string' ? flat(content) : content;
}

/** The values of all sections, in steps of an entry. */
export function* toRecord(
  sections: ReadonlyMap<string, Node>,
): Generator<undefined, Record<string, unknown>, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const [name, node] of sections) record[name] = yield* toSection(node);
  return record;
}

function* toSection({ content }: Node): Generator<undefined, unknown, unknown> {
  if (content instanceof Map) {
    const entries: Record<string, unknown> = Object.create(null);
    for (const [name, node] of content) {
      entries[name] = toValue(node);
      yield;
    }
    return entries;
  }
  if (!Array.isArray(content)) return content;
  const items: unknown[] = [];
  for (const node of content) {
    items.push(toValue(node));
    yield;
  }
  return items;
}
