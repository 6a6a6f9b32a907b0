import { compilePattern, longestValue } from '#sdk/patterns';

/**
 * A regular expression of a schema, which may match anywhere in a text, in time that grows with the text alone.
 * @throws SyntaxError for what cannot be matched like that
 */
function linearPattern(source: string): { test(text: string): boolean; toString(): string } {
  // Checked by itself first: with what stands around it, `a)|(b` would be one.
  compilePattern(source);
  const matches = compilePattern(`[\\s\\S]*(?:${source})[\\s\\S]*`);
  // By its text ajv tells one pattern from another.
  return { test: (text) => text.length <= longestValue && matches(text), toString: () => `/${source}/` };
}

/** The engine for ajv, which asks for a name in generated code too; none is generated here. */
export const linearPatterns = Object.assign((source: string) => linearPattern(source) as RegExp, {
  code: 'undefined',
});
