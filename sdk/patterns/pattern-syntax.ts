/** A regular expression as a tree. */
export type Node =
  | { readonly kind: 'char'; readonly takes: (codePoint: number) => boolean }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly least: number; readonly most: number };

interface Cursor {
  readonly text: string;
  at: number;
}

const deepest = 50;
// One character of the value each: an escape, a class, or the character itself.
const atom =
  /\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]+\}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\c[A-Za-z]|\\[pP]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|[^]/uy;
const quantifier = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/uy;
const opening = /\((?:\?(?::|<[^=!>][^>]*>))?/uy;

/**
 * Parses a regular expression of the language's own `u` form, as far as it says what characters follow one another.
 * @throws SyntaxError when it is none, or has what this cannot match in one pass: references back, looking around, `\b`
 */
export function parsePattern(text: string): Node {
  checkForm(text);
  return parseChoice({ text, at: 0 }, 0);
}

/** The language's own parser says what is well-formed; what follows relies on it. */
function checkForm(text: string): void {
  try {
    void new RegExp(text, 'u');
  } catch (error) {
    // The language's message repeats the whole pattern.
    const [, reason = ''] = /\/u: ([^/]*)$/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new SyntaxError(`this is no regular expression${reason === '' ? '' : `: ${reason}`}`);
  }
}

function parseChoice(cursor: Cursor, depth: number): Node {
  if (depth > deepest) throw new SyntaxError(`groups may stand ${deepest} deep in one another`);
  const options: Node[] = [parseSequence(cursor, depth)];
  while (cursor.text[cursor.at] === '|') {
    cursor.at += 1;
    options.push(parseSequence(cursor, depth));
  }
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
}

function parseSequence(cursor: Cursor, depth: number): Node {
  const parts: Node[] = [];
  while (cursor.at < cursor.text.length && !'|)'.includes(cursor.text.charAt(cursor.at))) {
    parts.push(parseQuantifier(cursor, parseOne(cursor, depth)));
  }
  return { kind: 'sequence', parts };
}

function parseOne(cursor: Cursor, depth: number): Node {
  const next = cursor.text.charAt(cursor.at);
  if (next === '^' || next === '$') {
    cursor.at += 1;
    return { kind: next === '^' ? 'start' : 'end' };
  }
  if (next !== '(') return parseAtom(cursor);
  const open = take(opening, cursor)?.[0] ?? '';
  if (cursor.text.startsWith('?', cursor.at) || open === '')
    throw new SyntaxError('groups such as (?=...), (?!...), (?<=...) and (?i:...) are not allowed');
  const node = parseChoice(cursor, depth + 1);
  cursor.at += 1;
  return node;
}

function parseAtom(cursor: Cursor): Node {
  const [text = ''] = take(atom, cursor) ?? [];
  if (/^\\[1-9k]/.test(text)) throw new SyntaxError('references to groups are not allowed');
  if (/^\\[bB]/.test(text)) throw new SyntaxError('\\b and \\B are not allowed');
  const matcher = new RegExp(`^${text}$`, 'u');
  const takes = (point: number) => matcher.test(String.fromCodePoint(point));
  const ascii = Uint8Array.from({ length: 128 }, (_, point) => Number(takes(point)));
  return { kind: 'char', takes: (point) => (point < 128 ? ascii[point] === 1 : takes(point)) };
}

function parseQuantifier(cursor: Cursor, node: Node): Node {
  const found = take(quantifier, cursor);
  if (found === undefined) return node;
  const [, sign, from = '', comma, to = ''] = found;
  if (sign !== undefined)
    return { kind: 'repeat', node, least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Infinity };
  const least = Number(from);
  const most = comma === undefined ? least : to === '' ? Infinity : Number(to);
  return { kind: 'repeat', node, least, most };
}

function take(piece: RegExp, cursor: Cursor): RegExpExecArray | undefined {
  piece.lastIndex = cursor.at;
  const found = piece.exec(cursor.text);
  if (found === null) return undefined;
  cursor.at += found[0].length;
  return found;
}
