/**
 * An entry of `X-Forwarded-For`: 0 is the first, -1 the last; undefined when there are fewer. Empty list elements do
 * not count (RFC 9110 section 5.6.1.2). Only what is needed is looked at: callers may send a very long one.
 */
export function readForwardedFor(list: string, index: number): string | undefined {
  return index < 0 ? fromEnd(list, -1 - index) : fromStart(list, index);
}

function fromStart(list: string, skip: number): string | undefined {
  let left = skip;
  for (let start = 0; start <= list.length;) {
    const comma = list.indexOf(',', start);
    const end = comma < 0 ? list.length : comma;
    const entry = list.slice(start, end).trim();
    if (entry !== '' && left-- === 0) return entry;
    start = end + 1;
  }
  return undefined;
}

function fromEnd(list: string, skip: number): string | undefined {
  let left = skip;
  for (let end = list.length; end >= 0;) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1);
    const entry = list.slice(comma + 1, end).trim();
    if (entry !== '' && left-- === 0) return entry;
    end = comma;
  }
  return undefined;
}
