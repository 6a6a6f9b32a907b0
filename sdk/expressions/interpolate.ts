import { createBinder, isAbsent, type CompileOptions, type Reader, type Value } from './bind.ts';

/** What a template is compiled against. */
export interface TemplateOptions<T> extends CompileOptions<T> {
  /**
   * Applied to each inserted value, for a syntax that needs it (JSON text, a header); none unless given.
   * @param offset of the `${name}` that the value is put in for
   */
  readonly encode?: (text: string, offset: number) => string;
}

/** A compiled template. */
export type Template<T> = (target: T) => string;

const reference = /\$\{(?<name>[A-Za-z_]\w*)\}/y;

/**
 * Compiles a text with `${name}` in it, such as an error message or a body, to a function that puts in the
 * values; a value that does not exist becomes empty text. `$name` without braces stays as it is.
 *
 * Inserted values often come from the client and are put in as they are: give `encode` where that matters.
 * Throws an {@link ExpressionError} with all undeclared names, and for `${` that begins no `${name}`; a
 * literal `${` cannot be written.
 */
export function compileTemplate<T>(text: string, options: TemplateOptions<T>): Template<T> {
  const binder = createBinder(options);
  const parts: (string | Insertion<T>)[] = [];
  let position = 0;
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', position)) {
    reference.lastIndex = at;
    const name = reference.exec(text)?.groups?.name;
    parts.push(text.slice(position, at));
    position = name === undefined ? at + 2 : reference.lastIndex;
    if (name !== undefined) parts.push({ read: binder.read(name, at), offset: at });
    else binder.problems.push(malformed(at));
  }
  parts.push(text.slice(position));
  binder.finish();
  return join(parts, options.encode);
}

interface Insertion<T> {
  readonly read: Reader<T>;
  readonly offset: number;
}

function join<T>(
  parts: readonly (string | Insertion<T>)[],
  encode: TemplateOptions<T>['encode'],
): Template<T> {
  return (target) => {
    let text = '';
    for (const part of parts)
      text += typeof part === 'string' ? part : insert(part.read(target), part.offset, encode);
    return text;
  };
}

function insert(value: Value, offset: number, encode: TemplateOptions<unknown>['encode']): string {
  const text = isAbsent(value) ? '' : String(value);
  return encode === undefined ? text : encode(text, offset);
}

function malformed(offset: number) {
  return {
    message: 'found "${" and no parameter: a parameter is ${name}, of letters, digits and "_"',
    offset,
    suggestions: [],
  };
}
