import type { Node } from './tree.ts';

/** The section of which entries are read alone: there may be tens of thousands of APIs. */
export const section = 'apis';

/** Nothing but comments stands before the entries: no anchor, no tag, no brace. */
const header = /^apis:(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r(?!\n)|\n))+$/;

/** Entries that follow each other. */
export interface Span {
  readonly first: number;
  /** The one behind the last. */
  readonly behind: number;
}

/** Where the entries of the section stand in a file: each is the lines from that of its key to that of the next one's. */
export class Layout {
  /** Of all keys, from 1. */
  readonly column: number;
  readonly names: string[] = [];
  /** The first byte of each, and that of what follows them. */
  readonly starts: number[] = [];
  /** The lines of these bytes, from 0. */
  readonly lines: number[] = [];

  constructor(column: number) {
    this.column = column;
  }

  /**
   * The entries that a change of bytes concerns, with the one that what stands before the change may belong to; undefined
   * when it concerns more than them.
   */
  spanOf(start: number, end: number): Span | undefined {
    const { starts } = this;
    const at = countBelow(starts, start) - 1;
    // What differs in its indentation, as a comment before it does, may belong to the one above.
    const first = at > 0 && start - this.startOf(at) < this.column ? at - 1 : at;
    const behind = Math.max(at + 1, countBelow(starts, end));
    return first >= 0 && behind < starts.length ? { first, behind } : undefined;
  }

  /** Puts the entries of another text in the place of some; what follows these is moved. */
  replace({ first, behind }: Span, by: Layout): void {
    const end = by.names.length;
    const bytes = this.startOf(first) + by.startOf(end) - by.startOf(0) - this.startOf(behind);
    const lines = this.lineOf(first) + by.lineOf(end) - by.lineOf(0) - this.lineOf(behind);
    const fromByte = this.startOf(first) - by.startOf(0);
    const fromLine = this.lineOf(first) - by.lineOf(0);
    for (let at = behind; at < this.starts.length; at += 1) {
      this.starts[at] = this.startOf(at) + bytes;
      this.lines[at] = this.lineOf(at) + lines;
    }
    const count = behind - first;
    this.names.splice(first, count, ...by.names);
    this.starts.splice(first, count, ...by.starts.slice(0, end).map((start) => start + fromByte));
    this.lines.splice(first, count, ...by.lines.slice(0, end).map((line) => line + fromLine));
  }

  startOf(index: number): number {
    return this.starts[index] ?? 0;
  }

  lineOf(index: number): number {
    return this.lines[index] ?? 0;
  }
}

/** How many of the ascending numbers are below another. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Undefined unless each entry of the section begins on a line of its own, as one of a block. In steps of an entry. */
export function* layoutOf({ source, content, at }: Node): Generator<undefined, Layout | undefined, unknown> {
  if (!(content instanceof Map)) return undefined;
  const { text } = source;
  const sections = [...content];
  const index = sections.findIndex(([name]) => name === section);
  const entries = sections[index]?.[1].content;
  const begin = sections[index]?.[1].keyAt;
  if (!(entries instanceof Map) || begin === undefined || sections[0]?.[1].keyAt !== at) return undefined;
  // A key that is not written at all is said to stand where the first one does.
  if (content.has('') || entries.has('')) return undefined;
  const next = sections[index + 1]?.[1].keyAt;
  if (source.columnOf(begin) !== 1 || (next !== undefined && source.columnOf(next) !== 1)) return undefined;

  let layout: Layout | undefined;
  let read = 0;
  let bytes = 0;
  const add = (into: Layout, start: number, line: number): void => {
    bytes += Buffer.byteLength(text.slice(read, start));
    read = start;
    into.starts.push(bytes);
    into.lines.push(line - 1);
  };
  for (const [name, { keyAt }] of entries) {
    const { line, column } = source.positionOf(keyAt);
    const start = keyAt - column + 1;
    if (layout === undefined && !header.test(text.slice(begin, start))) return undefined;
    layout ??= new Layout(column);
    if (column !== layout.column || text.slice(start, keyAt) !== ' '.repeat(column - 1)) return undefined;
    layout.names.push(name);
    add(layout, start, line);
    yield;
  }
  const end = next ?? text.length;
  const { line, column } = source.positionOf(end);
  // The last line of a file may not end.
  if (layout !== undefined) add(layout, end, column === 1 ? line : line + 1);
  return layout;
}
