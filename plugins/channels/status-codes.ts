/** Status codes that are good answers to a health check. */
export type StatusCodes = (status: number) => boolean;

/**
 * Reads a list of status codes and ranges, such as `200,201,210-299`.
 * @returns a text that says what is wrong, and where, when it is no such list
 */
export function readStatusCodes(
  text: string,
): StatusCodes | { readonly message: string; readonly offset: number } {
  const ranges: (readonly [from: number, to: number])[] = [];
  let offset = 0;
  for (const part of text.split(',')) {
    const [, from, to = from] = /^\s*([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?\s*$/.exec(part) ?? [];
    const message = problemOf(part, Number(from), Number(to));
    if (message !== undefined) return { message, offset };
    ranges.push([Number(from), Number(to)]);
    offset += part.length + 1;
  }
  return (status) => ranges.some(([from, to]) => status >= from && status <= to);
}

function problemOf(part: string, from: number, to: number): string | undefined {
  if (Number.isNaN(from))
    return `found "${part.trim()}"; allowed: status codes from 100 to 599 and ranges of them, such as 200,210-299`;
  return from > to
    ? `found "${part.trim()}"; the first status of a range must not be above the last`
    : undefined;
}
