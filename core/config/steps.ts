import { withBreath } from '../breath.ts';
import { parseApart } from './parse-apart.ts';
import { type Parsed, parseText } from './parse.ts';

/** Reading in steps: whoever runs it may pause at each `yield`, and answers one that asks for a text with what it says. */
export type Steps<T> = Generator<string | undefined, T, Parsed>;

/** Longer texts take more than a moment to parse, which cannot be interrupted. */
const longText = 16 * 1024;

const nothing: Parsed = { events: null, lineStarts: new Int32Array(1), faults: [] };

/** Runs without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next(step.value === undefined ? nothing : parseText(step.value));
  return step.value;
}

/** Lets the process do other things in between; long texts are parsed by another thread. */
export function inSlices<T>(steps: Steps<T>): Promise<T> {
  return withBreath(async (breath) => {
    let step = steps.next();
    while (step.done !== true) {
      if (breath.isDue) await breath.take();
      const { value: text } = step;
      if (text === undefined) step = steps.next(nothing);
      else if (text.length < longText) step = steps.next(parseText(text));
      else
        step = await parseApart(text).then(
          (parsed) => steps.next(parsed),
          (error: unknown) => steps.throw(error),
        );
    }
    return step.value;
  });
}
