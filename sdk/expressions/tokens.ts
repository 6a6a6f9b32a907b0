import { refuse } from './expression-error.ts';

/** The comparison operators; `==` is reported as `=`, `!=` as `<>`, words in lower case. */
export type Operator = '=' | '<>' | '<' | '<=' | '>' | '>=' | 'like' | '!like' | 'in_cidr' | '!in_cidr';

/** A piece of an expression. `text` is how it was written, `offset` where it begins. */
export type Token = { readonly text: string; readonly offset: number } & (
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'operator'; readonly operator: Operator }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'open' | 'close' | 'end' }
);

const operators = new Map<string, Operator>([
  ['==', '='],
  ['!=', '<>'],
  ...(['=', '<>', '<', '<=', '>', '>=', 'like', '!like', 'in_cidr', '!in_cidr'] as const).map(
    (operator) => [operator, operator] as const,
  ),
]);

const piece = new RegExp(
  [
    String.raw`(?<space>\s+)`,
    String.raw`\$(?<name>[A-Za-z_]\w*)`,
    String.raw`\$\{(?<braced>[A-Za-z_]\w*)\}`,
    `'(?<single>[^']*)'`,
    '"(?<double>[^"]*)"',
    String.raw`(?<number>-?[0-9]+(?:\.[0-9]+)?)(?![\w.])`,
    String.raw`(?<symbol><=|>=|<>|!=|==|=|<|>|!(?:like|in_cidr)(?!\w))`,
    String.raw`(?<word>[A-Za-z_]\w*)`,
    String.raw`(?<open>\()`,
    String.raw`(?<close>\))`,
  ].join('|'),
  'iy',
);

/** A double holds every decimal of 15 digits exactly; beyond, two different ids could compare equal. */
const maxDigits = 15;

/**
 * Splits an expression into tokens, the last of kind `end`. Throws an {@link ExpressionError} at the first
 * character that begins no token. A string runs to the next quote of its own kind; there are no escapes, so
 * a backslash is a backslash, and a text with one kind of quote is put in the other kind.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < text.length) {
    piece.lastIndex = offset;
    const match = piece.exec(text);
    if (match?.groups === undefined) return refuse(explain(text, offset), offset);
    const token = toToken(match[0], offset, match.groups);
    if (token !== undefined) tokens.push(token);
    offset += match[0].length;
  }
  tokens.push({ kind: 'end', text: '', offset });
  return tokens;
}

function toToken(
  text: string,
  offset: number,
  groups: Readonly<Record<string, string | undefined>>,
): Token | undefined {
  const place = { text, offset };
  if (groups.space !== undefined) return undefined;
  const name = groups.name ?? groups.braced;
  if (name !== undefined) return { ...place, kind: 'variable', name };
  const value = groups.single ?? groups.double;
  if (value !== undefined) return { ...place, kind: 'string', value };
  if (groups.number !== undefined)
    return { ...place, kind: 'number', value: numberOf(groups.number, offset) };
  if (groups.open !== undefined) return { ...place, kind: 'open' };
  if (groups.close !== undefined) return { ...place, kind: 'close' };
  const operator = operators.get(text.toLowerCase());
  if (operator !== undefined) return { ...place, kind: 'operator', operator };
  return { ...place, kind: 'word', word: text.toLowerCase() };
}

function numberOf(text: string, offset: number): number {
  if (text.replace(/^-?0*|\./g, '').length > maxDigits) {
    refuse(`the number ${text} has more than ${maxDigits} digits; quote it to compare it as text`, offset);
  }
  return Number(text);
}

function explain(text: string, offset: number): string {
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  switch (character) {
    case "'":
    case '"':
      return `the string that begins here is not closed with ${character}`;
    case '$':
      return 'found "$" without a name: a parameter is $name or ${name}, of letters, digits and "_"';
    case '!':
      return 'found "!" alone: allowed are !=, !like and !in_cidr';
    case '&':
    case '|':
      return `found "${character}": conditions are joined with the words and, or`;
    default:
      if (/[-+.0-9]/.test(character)) {
        return `found "${character}" and no number such as 1001, -1 or 0.1; a version or an address needs quotes`;
      }
      return `found ${JSON.stringify(character)}, which begins no parameter, string, number or operator`;
  }
}
