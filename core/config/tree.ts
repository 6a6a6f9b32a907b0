import type { ScalarEvent } from 'js-yaml';
import type { Position } from './problems.ts';

/** The text of one file, able to turn an offset into a line and a column. */
export class Source {
  readonly file: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  positionOf(offset: number): Position {
    this.#lineStarts ??= [
      0,
      ...Array.from(this.text.matchAll(/\r\n?|\n/g), (end) => end.index + end[0].length),
    ];
    const starts = this.#lineStarts;
    let line = 0;
    let after = starts.length;
    while (after - line > 1) {
      const middle = (line + after) >> 1;
      if ((starts[middle] ?? 0) <= offset) line = middle;
      else after = middle;
    }
    return { file: this.file, line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
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
  /** How a text was written, unless part of it came from elsewhere: places inside it are found by that. */
  readonly written?: ScalarEvent;
  /** What the references in a text stood for. */
  readonly secrets?: readonly string[];
}

export function childrenOf({ content }: Node): Iterable<Node> {
  if (content instanceof Map) return content.values();
  return Array.isArray(content) ? content : [];
}

/**
 * A plain value with its own copy of everything an alias stands for. Mappings have no prototype: a name such as
 * `constructor` that was not written must not be found, and `__proto__` is a name like any other.
 */
function toValue({ content }: Node): unknown {
  if (content instanceof Map) return toRecord(content);
  return Array.isArray(content) ? content.map(toValue) : content;
}

export function toRecord(nodes: ReadonlyMap<string, Node>): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const [name, node] of nodes) record[name] = toValue(node);
  return record;
}
