import { EVENT_ID, getScalarValue } from 'js-yaml';
import type { Source } from './tree.ts';

/**
 * Where in the file a text value has its character `offset`; one at or behind its end is just behind its last.
 *
 * The reader itself is asked what the text means when it is cut short, so that escapes, doubled quotes, folded lines
 * and blocks need no second set of rules here. Only problems are located, so the repeated reading costs nothing.
 */
export function offsetInSource({ text, events }: Source, written: number, offset: number): number {
  const scalar = events.at(written);
  if (scalar?.type !== EVENT_ID.SCALAR) throw new Error('no text is written there');
  const { valueStart, valueEnd } = scalar;
  const wanted = getScalarValue(text, scalar).slice(0, offset + 1);
  let low = valueStart;
  let high = valueEnd;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (getScalarValue(text, { ...scalar, valueEnd: middle }).startsWith(wanted)) high = middle;
    else low = middle + 1;
  }
  return wanted.length > offset ? high - 1 : high;
}
