/** A table; the first `texts` columns hold text, the others numbers, which stand on the right. */
export function toTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  texts = 1,
): string {
  const rule = headings.map((_, index) => (index < texts ? '---' : '---:'));
  return [headings, rule, ...rows].map((cells) => `| ${cells.map(toCell).join(' | ')} |`).join('\n');
}

function toCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

/** A figure, or a dash where there is none. */
export function toFigure(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '-' : value.toFixed(digits);
}

/** The smallest and the largest of some figures. */
export function toRange(values: readonly number[], digits: number): string {
  return values.length === 0
    ? '-'
    : `${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}`;
}

export function toParagraphs(...paragraphs: readonly string[]): string {
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n');
}
