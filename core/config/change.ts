import { Composer } from './compose.ts';
import type { Known, Memory, Moved, Place, Reading } from './known.ts';
import { type Layout, type Span, layoutOf, section } from './layout.ts';
import type { Problem } from './problems.ts';
import type { Secrets } from './secrets.ts';
import type { Steps } from './steps.ts';
import { type Node, Source, toValue } from './tree.ts';
import { type Changed, type Whole, heading } from './whole.ts';

/** More than this is read as fast with all the rest. */
const maxBytes = 256 * 1024;

/** Lines that end a document, or begin what is none of its entries. */
const documentMark = /^(?:---|\.\.\.|%)/m;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the entries of the section that a change of one file concerns, and takes them into what is known, in steps.
 * Undefined, and nothing has changed then, unless these are all there is to it, and are right as far as reading can tell:
 * then everything has to be read. So it has when it throws, as it does for what cannot be read at all.
 */
export function* readChange(
  known: Known,
  whole: Whole,
  { file, bytes, hash }: Changed,
  secrets: Secrets,
): Steps<Reading | undefined> {
  const { bytes: before, layout } = whole.partOf(file) ?? {};
  if (before === undefined || layout === undefined) return undefined;
  const [from, to] = differenceOf(before, bytes);
  const span = layout.spanOf(from, to);
  if (span === undefined) return undefined;
  const names = new Set(layout.names.slice(span.first, span.behind));
  const placeOf = (name: string): Place => ({ file, section, name });
  // What an anchor stood for may be meant elsewhere.
  for (const name of names) if (!known.isPlain(placeOf(name))) return undefined;
  const start = layout.startOf(span.first);
  const end = layout.startOf(span.behind);
  const endNow = end + bytes.length - before.length;
  const text = textOf(bytes.subarray(start, endNow), endNow === bytes.length);
  if (text === undefined) return undefined;

  const draft = new Draft(known);
  const read = yield* entriesOf(file, text, layout.lineOf(span.first) - 1, secrets, draft);
  if (read === undefined || read.layout.column !== layout.column) return undefined;
  const { entries } = whole;
  const isElsewhere = (name: string): boolean => !names.has(name) && Object.hasOwn(entries, name);
  if (read.layout.names.some(isElsewhere)) return undefined;

  known.beginPart();
  draft.commit();
  for (const name of names) {
    if (read.entries.has(name)) continue;
    known.drop(placeOf(name));
    delete entries[name];
  }
  for (const [name, node] of read.entries) entries[name] = toValue(node);
  const moved = movedBy(file, layout, span, read.layout);
  layout.replace(span, read.layout);
  whole.put(file, bytes);
  const edit = { file, start, end, text };
  return known.endPart(new Map([...known.hashes, [file, hash]]), [moved], edit);
}

/** From where to where the bytes before are not what they are now; all behind is the same. */
function differenceOf(before: Buffer, now: Buffer): [from: number, to: number] {
  const shorter = Math.min(before.length, now.length);
  const from = sameAt(shorter, (at, length) => before.compare(now, at, at + length, at, at + length) === 0);
  const behind = sameAt(shorter - from, (at, length) => {
    const [end, nowEnd] = [before.length - at, now.length - at];
    return before.compare(now, nowEnd - length, nowEnd, end - length, end) === 0;
  });
  return [from, before.length - behind];
}

/** How much is the same, of at most so many bytes. */
function sameAt(limit: number, isSame: (at: number, length: number) => boolean): number {
  let at = 0;
  for (let length = 64 * 1024; length >= 1; length = length > 1 ? length / 2 : 0)
    while (at + length <= limit && isSame(at, length)) at += length;
  return at;
}

function textOf(bytes: Uint8Array, isAtEnd: boolean): string | undefined {
  if (bytes.length === 0 || bytes.length > maxBytes) return undefined;
  const text = decoder.decode(bytes);
  // What follows has to begin a line.
  return (isAtEnd || /[\r\n]$/.test(text)) && !documentMark.test(text) ? text : undefined;
}

function* entriesOf(
  file: string,
  lines: string,
  linesBefore: number,
  secrets: Secrets,
  draft: Draft,
): Steps<{ entries: ReadonlyMap<string, Node>; layout: Layout } | undefined> {
  const text = heading + lines;
  const { events, lineStarts, faults } = yield text;
  if (events === null || faults.length > 0) return undefined;
  const problems: Problem[] = [];
  const source = new Source(file, text, lineStarts, events, linesBefore);
  const root = yield* new Composer(source, secrets, problems, draft).document();
  const layout = yield* layoutOf(root);
  if (!(root.content instanceof Map) || root.content.size !== 1 || layout === undefined) return undefined;
  // What comes first may belong to what stands above.
  if (problems.length > 0 || !draft.isPlain || layout.startOf(0) !== heading.length) return undefined;
  const entries = root.content.get(section)?.content;
  return entries instanceof Map ? { entries, layout } : undefined;
}

function movedBy(file: string, layout: Layout, { first, behind }: Span, by: Layout): Moved {
  const from = layout.lineOf(first);
  const lines = by.lineOf(by.names.length) - by.lineOf(0);
  const behindLine = layout.lineOf(behind);
  return { file, from: from + 1, behind: behindLine + 1, by: from + lines - behindLine };
}

/** Takes what is read until it is certain that it may be kept. */
class Draft implements Memory {
  /** Whether all that was read follows from the text of its entries alone. */
  isPlain = true;
  readonly #known: Known;
  readonly #kept: (() => void)[] = [];

  constructor(known: Known) {
    this.#known = known;
  }

  meet(...entry: Parameters<Known['meet']>): unknown {
    return this.#known.meet(...entry);
  }

  keep(...entry: Parameters<Known['keep']>): void {
    this.#kept.push(() => this.#known.keep(...entry));
  }

  note(...entry: Parameters<Known['note']>): void {
    // What is no mapping may have an anchor, or be a secret; and it is no API.
    if (entry[0].name !== undefined) this.isPlain = false;
    this.#kept.push(() => this.#known.note(...entry));
  }

  mark(): void {
    this.isPlain = false;
  }

  entangle(): void {
    this.isPlain = false;
  }

  commit(): void {
    for (const keep of this.#kept) keep();
  }
}
