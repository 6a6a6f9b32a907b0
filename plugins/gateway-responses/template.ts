import { describeAllowed } from '#sdk';
import { type Facts, type Variable, findVariable, variableNames } from './variables.ts';

/** @param offset characters into the text */
export type Report = (message: string, offset?: number) => void;

export type Template = (facts: Facts) => string;

/** A variable ends where its words do: `$context.requestId.` ends a sentence, `$context.requestId-7` is followed by text. */
const reference =
  /\$context\.(?:(authorizer\.(?:frontend|backend)\.[A-Za-z][\w-]*|[A-Za-z]+(?:\.[A-Za-z]+)*))?/gi;

/** Values in headers are cut here, lest a signature's canonical request make the answer's head too large. */
const longestInHeader = 4096;

/** Compiles the body of a response: JSON, whose texts may hold variables. */
export function compileBody(text: string, report: Report): Template {
  const template = compile(text, escapeJson, report);
  // Outside a text the sample is no JSON, and as long as the variable it does not move what follows.
  const sample = text.replace(reference, (variable) => 'x'.repeat(variable.length));
  try {
    JSON.parse(sample);
  } catch (error) {
    // The parser's message quotes the text, which may hold a secret.
    const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
    const allowed = 'allowed: JSON, with variables inside texts only, as in "$context.error.code"';
    report(`the body is no JSON; ${allowed}`, position === undefined ? undefined : Number(position));
  }
  return template;
}

/** Compiles the value of a header. */
export function compileHeader(text: string, report: Report): Template {
  const brackets = /\[\[|\]\]/.exec(text);
  if (brackets !== null) report(`a header value may not hold ${brackets[0]}`, brackets.index);
  const control = /[^\t\x20-\x7e\x80-\u{10ffff}]/u.exec(text);
  if (control !== null) report('a header value may not hold control characters', control.index);
  return compile(text, escapeHeader, report);
}

function compile(text: string, escape: (value: string) => string, report: Report): Template {
  const pieces: (string | Variable)[] = [];
  let end = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, name = ''] = match;
    pieces.push(text.slice(end, match.index));
    end = match.index + whole.length;
    const variable = findVariable(name);
    if (variable !== undefined) pieces.push(variable);
    else report(`there is no variable "${whole}"; ${describeAllowed(variableNames, name)}`, match.index);
  }
  pieces.push(text.slice(end));
  if (pieces.length === 1) return () => text;
  return (facts) => {
    let filled = '';
    for (const piece of pieces) filled += typeof piece === 'string' ? piece : escape(piece(facts));
    return filled;
  };
}

function escapeJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** CR and LF would let a caller who chose the value write fields of its own into the answer. */
export function escapeHeader(value: string): string {
  return value
    .slice(0, longestInHeader)
    .replace(
      /[\x00-\x1f\x7f]/g,
      (control) => `%${control.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}
