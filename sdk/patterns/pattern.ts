import { type Node, parsePattern } from './pattern-syntax.ts';

/** Longer values match no pattern: a caller decides how long they are, and matching takes time for each character. */
export const longestValue = 1024;
/** Steps of a compiled pattern, repetitions written out: with the length of values this bounds the work of a request. */
const mostSteps = 500;

/**
 * A step of a compiled pattern. A character takes to the next step, `split` to that and to another one; `start` and
 * `end` let through at the ends of the value only; `jump` goes elsewhere; `match` ends it.
 */
type Step =
  | { readonly kind: 'char'; readonly takes: (codePoint: number) => boolean }
  | { readonly kind: 'split' | 'jump'; to: number }
  | { readonly kind: 'start' | 'end' | 'match' };

/**
 * Compiles a regular expression that must match a whole value. It walks through all ways to match at once, so that time
 * grows with the length of the value and never beyond: the engine of the language tries one way after the other, and
 * with `(a+)+` a caller could keep it busy for ever.
 *
 * @throws SyntaxError that says what is not allowed, when the pattern is none or too large
 */
export function compilePattern(text: string): (value: string) => boolean {
  const steps: Step[] = [];
  emit(parsePattern(text), steps);
  add(steps, { kind: 'match' });
  return (value) => value.length <= longestValue && run(steps, value);
}

/** Work that one search may cost at most: characters of the value times steps of the pattern. */
const mostSearchWork = longestValue * mostSteps;
/** Nothing in it stands for anything but itself. */
const plainText = /^[A-Za-z0-9_/ =:;,@%&~"'<>-]*$/;

/**
 * Compiles a regular expression that may match anywhere in a value, in time that grows with the value's length only.
 * A pattern of few steps is looked for in longer values than one of many: in 1024 characters at least, and in 512,000
 * divided by its steps at most. Longer values have no match.
 *
 * @throws SyntaxError as `compilePattern` does
 */
export function compileSearch(text: string): (value: string) => boolean {
  if (plainText.test(text)) return (value) => value.includes(text);
  const steps: Step[] = [];
  emit(parsePattern(text), steps);
  add(steps, { kind: 'match' });
  const longest = Math.floor(mostSearchWork / steps.length);
  return (value) => value.length <= longest && find(steps, value);
}

function add<S extends Step>(steps: Step[], step: S): S {
  if (steps.length >= mostSteps) {
    throw new SyntaxError('the pattern is too large; repetitions count as often as they repeat');
  }
  steps.push(step);
  return step;
}

function emit(node: Node, steps: Step[]): void {
  switch (node.kind) {
    case 'char':
      add(steps, { kind: 'char', takes: node.takes });
      return;
    case 'start':
    case 'end':
      add(steps, { kind: node.kind });
      return;
    case 'sequence':
      for (const part of node.parts) emit(part, steps);
      return;
    case 'choice':
      emitChoice(node.options, steps);
      return;
    case 'repeat':
    default:
      emitRepeat(node, steps);
  }
}

function emitChoice(options: readonly Node[], steps: Step[]): void {
  const ends: { to: number }[] = [];
  for (const [index, option] of options.entries()) {
    if (index === options.length - 1) {
      emit(option, steps);
      break;
    }
    const split = add(steps, { kind: 'split', to: 0 });
    emit(option, steps);
    ends.push(add(steps, { kind: 'jump', to: 0 }));
    split.to = steps.length;
  }
  for (const end of ends) end.to = steps.length;
}

function emitRepeat({ node, least, most }: Node & { kind: 'repeat' }, steps: Step[]): void {
  for (let count = 0; count < least; count += 1) {
    const before = steps.length;
    emit(node, steps);
    // What takes no step may repeat a billion times.
    if (steps.length === before) return;
  }
  if (most === Infinity) {
    const from = steps.length;
    const split = add(steps, { kind: 'split', to: 0 });
    emit(node, steps);
    add(steps, { kind: 'jump', to: from });
    split.to = steps.length;
    return;
  }
  const splits: { to: number }[] = [];
  for (let count = least; count < most; count += 1) {
    splits.push(add(steps, { kind: 'split', to: 0 }));
    emit(node, steps);
  }
  for (const split of splits) split.to = steps.length;
}

/** The steps that some way to match has come to. */
interface Front {
  /** Those that wait for a character. */
  readonly characters: readonly number[];
  readonly isMatch: boolean;
}

function run(steps: readonly Step[], value: string): boolean {
  const seenAt = new Int32Array(steps.length).fill(-1);
  const points = Array.from(value, (character) => character.codePointAt(0) ?? 0);
  const last = points.length;
  let front = follow(steps, [0], 0, last, seenAt);
  for (let at = 0; at < last; at += 1) {
    const point = points[at] ?? 0;
    const next: number[] = [];
    for (const index of front.characters) {
      const step = steps[index];
      if (step?.kind === 'char' && step.takes(point)) next.push(index + 1);
    }
    if (next.length === 0) return false;
    front = follow(steps, next, at + 1, last, seenAt);
  }
  return front.isMatch;
}

/** As `run`, with a way to match that begins at each character, and none that has to reach the end. */
function find(steps: readonly Step[], value: string): boolean {
  const seenAt = new Int32Array(steps.length).fill(-1);
  const points = Array.from(value, (character) => character.codePointAt(0) ?? 0);
  const last = points.length;
  let front = follow(steps, [0], 0, last, seenAt);
  for (let at = 0; at < last && !front.isMatch; at += 1) {
    const point = points[at] ?? 0;
    const next = [0];
    for (const index of front.characters) {
      const step = steps[index];
      if (step?.kind === 'char' && step.takes(point)) next.push(index + 1);
    }
    front = follow(steps, next, at + 1, last, seenAt);
  }
  return front.isMatch;
}

/** Goes on from the steps given until characters are needed. @param seenAt when each step was last come to */
function follow(steps: readonly Step[], from: number[], at: number, last: number, seenAt: Int32Array): Front {
  const characters: number[] = [];
  let isMatch = false;
  for (let index = from.pop(); index !== undefined; index = from.pop()) {
    if (seenAt[index] === at) continue;
    seenAt[index] = at;
    const step = steps[index];
    if (step === undefined) continue;
    if (step.kind === 'char') characters.push(index);
    else if (step.kind === 'match') isMatch = true;
    else if (step.kind === 'split') from.push(index + 1, step.to);
    else if (step.kind === 'jump') from.push(step.to);
    else if (step.kind === 'start' ? at === 0 : at === last) from.push(index + 1);
  }
  return { characters, isMatch };
}
