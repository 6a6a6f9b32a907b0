import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Parameter } from './options.ts';

/** Tells why a value is refused, as in "must be a number"; undefined when it is allowed. */
export type Rule = (value: string) => string | undefined;

const ajv = new Ajv({ strict: true, allErrors: false, addUsedSchema: false });

/**
 * Compiled schemas by their JSON: many parameters have the same rules, every parameter is compiled for each environment
 * and again on each reload, and ajv takes about half a millisecond for a schema.
 */
const compiled = new Map<string, ValidateFunction>();
const mostCompiled = 10_000;

function validator(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  const key = JSON.stringify(schema);
  let validate = compiled.get(key);
  if (validate === undefined) {
    if (compiled.size >= mostCompiled) compiled.clear();
    validate = ajv.compile(schema);
    compiled.set(key, validate);
  }
  return validate;
}

/** @throws SyntaxError when the pattern is no regular expression */
export function compileRule(parameter: Parameter): Rule {
  const { type } = parameter;
  const text = textSchema(parameter);
  const validateText = text === undefined ? undefined : validator(text);
  const validateNumber = type === 'number' ? validator(numberSchema(parameter)) : undefined;
  return (value) => {
    if (validateText?.(value) === false) return broken(validateText.errors);
    if (validateNumber === undefined) return undefined;
    const number = toNumber(value);
    if (number === undefined) return 'must be a number';
    return validateNumber(number) ? undefined : broken(validateNumber.errors);
  };
}

function textSchema({ type, minLength, maxLength, pattern, ...rest }: Parameter) {
  const whole = pattern === undefined ? undefined : `^(?:${pattern})$`;
  // The pattern alone, too: `a)(?:b` would be none, but becomes one in brackets.
  if (pattern !== undefined) void new RegExp(pattern, 'u');
  const words = type === 'string' ? enumValues(rest.enum) : undefined;
  if (minLength === undefined && maxLength === undefined && whole === undefined && words === undefined)
    return undefined;
  return { type: 'string', ...present({ minLength, maxLength, pattern: whole, enum: words }) };
}

function numberSchema({ minimum, maximum, enum: words }: Parameter) {
  const numbers = enumValues(words)?.map(Number);
  return { type: 'number', ...present({ minimum, maximum, enum: numbers }) };
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The allowed values as text. A repeated one means nothing, and ajv refuses it. */
export function enumValues(words: Parameter['enum']): string[] | undefined {
  if (words === undefined) return undefined;
  const list = typeof words === 'string' ? words.split(',').map((word) => word.trim()) : words.map(String);
  return [...new Set(list)];
}

/**
 * A number as JSON writes it (RFC 8259 section 6): no blanks, no hexadecimal, no `+`, no leading zeros, nothing that
 * only a lenient reader takes for one; undefined for all else, and for what is too large to be kept.
 */
export function toNumber(text: string): number | undefined {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

const longest = 200;

function broken(errors: readonly ErrorObject[] | null | undefined): string {
  const [error] = errors ?? [];
  const params = (error?.params ?? {}) as { limit?: number; allowedValues?: unknown[]; pattern?: string };
  switch (error?.keyword ?? '') {
    case 'minLength':
      return `must have at least ${params.limit} characters`;
    case 'maxLength':
      return `must have at most ${params.limit} characters`;
    case 'minimum':
      return `must be at least ${params.limit}`;
    case 'maximum':
      return `must be at most ${params.limit}`;
    case 'enum':
      return `must be one of ${shortened((params.allowedValues ?? []).join(', '))}`;
    case 'pattern':
      return `must match ${shortened((params.pattern ?? '').slice('^(?:'.length, -')$'.length))}`;
    default:
      return 'is not allowed';
  }
}

function shortened(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
}
