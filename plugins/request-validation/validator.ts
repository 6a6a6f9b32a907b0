import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { linearPatterns } from './linear-pattern.ts';
import type { Config, JsonSchema } from './options.ts';
import { unboundedLists } from './unbounded-lists.ts';

/** Tells what is wrong with a value, as in "/items/0 must be integer"; undefined when nothing is. */
export type Validate = (value: unknown) => string | undefined;

/** How schemas are compiled; one compiler for each of these. */
export type Mode = Pick<Config, 'formats' | 'patterns'> & {
  /** Whether texts stand for numbers and booleans, as in forms. */
  readonly isCoercing: boolean;
};

/** Compiles schemas that may refer to one another. */
export class Compiler {
  readonly #ajv: Ajv2020;
  /** By their JSON: the same options are bound to many APIs, and compiling takes a millisecond. */
  readonly #compiled = new Map<string, Validate>();

  /** @param named what `$ref` may name */
  constructor({ formats, patterns, isCoercing }: Mode, named: ReadonlyMap<string, JsonSchema>) {
    this.#ajv = new Ajv2020({
      strict: true,
      strictTypes: false,
      strictTuples: false,
      strictRequired: false,
      // One mistake is enough to refuse, and to look for all of them is what a caller could make expensive.
      allErrors: false,
      // Else `toString` would be a property that every object has.
      ownProperties: true,
      coerceTypes: isCoercing ? 'array' : false,
      validateFormats: formats === 'assert',
      logger: false,
      ...(patterns === 'linear' ? { code: { regExp: linearPatterns } } : {}),
    });
    ajvFormats.default(this.#ajv);
    this.#ajv.addFormat('url', linearUrl());
    for (const [name, schema] of named) this.#ajv.addSchema(schema, name);
  }

  /** @throws Error that says what is wrong with the schema */
  compile(schema: JsonSchema): Validate {
    const key = JSON.stringify(schema);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const [unbounded] = unboundedLists(schema);
    if (unbounded !== undefined) throw new Error(unbounded);
    const validate = this.#ajv.compile(schema as object) as ValidateFunction & { $async?: boolean };
    // Its answer would be a promise, which is as good as true.
    if (validate.$async === true) throw new Error('"$async" is not allowed');
    const made: Validate = (value) => check(validate, value);
    this.#compiled.set(key, made);
    return made;
  }
}

/** The same texts, but in time that does not grow with the square of their length: `\S` is any `:` too. */
function linearUrl(): RegExp {
  const { source, flags } = ajvFormats.default.get('url') as RegExp;
  return new RegExp(
    source.replace('\\S+(?::\\S*)?@', () => '\\S+@'),
    flags,
  );
}

function check(validate: ValidateFunction, value: unknown): string | undefined {
  try {
    return validate(value) ? undefined : told(validate.errors?.[0]);
  } catch (error) {
    // A schema that refers to itself follows the value as deep as it goes.
    if (error instanceof RangeError) return 'is nested too deeply';
    throw error;
  }
}

const longestPlace = 200;

/** Where and what, without any of the values. */
function told(error: ErrorObject | undefined): string {
  const { instancePath = '', message = 'is not valid', params = {}, keyword } = error ?? {};
  const given = params as {
    additionalProperty?: string;
    unevaluatedProperty?: string;
    allowedValues?: unknown[];
  };
  const extra = given.additionalProperty ?? given.unevaluatedProperty;
  const allowed =
    keyword === 'enum' ? `: ${given.allowedValues?.map((each) => JSON.stringify(each)).join(', ')}` : '';
  const place =
    instancePath.length > longestPlace ? `${instancePath.slice(0, longestPlace)}...` : instancePath;
  const words = `${message}${extra === undefined ? '' : `, such as ${JSON.stringify(extra.slice(0, longestPlace))}`}${allowed}`;
  return `${place === '' ? '' : `${place} `}${words}`.slice(0, 500);
}
