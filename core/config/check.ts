import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { TSchema } from '#sdk';
import type { Breath } from '../breath.ts';
import type { Locator } from './locate.ts';
import { type Path, type Problem, describeAllowed, formatPath, nearest } from './problems.ts';

/** One for each schema: an Ajv keeps all that it has compiled, and schemas of reloaded extensions come and go. */
function createAjv(): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: true,
    allowUnionTypes: true,
    meta: false,
    validateSchema: false,
  });
  ajv.addKeyword('secret');
  // What a pattern allows, in words.
  ajv.addKeyword('allowed');
  return ajv;
}

const hidden = 'this is not accepted; what is wrong is not shown, because part of the value is a secret';

const compiled = new WeakMap<TSchema, ValidateFunction>();

/** The compiled form of a schema. @throws Error when it is no usable schema */
export function validator(schema: TSchema): ValidateFunction {
  const there = compiled.get(schema);
  if (there !== undefined) return there;
  const validate = createAjv().compile(schema);
  compiled.set(schema, validate);
  return validate;
}

interface ProblemOptions {
  /** It is about the key, not its value. */
  readonly key?: boolean;
  readonly offset?: number;
  readonly cause?: unknown;
  readonly boundBy?: Path | undefined;
}

/** Collects what is wrong with one configuration, each thing once, and knows where it stands. */
export class Problems {
  readonly list: Problem[];
  #locate: Locator | null;
  /** Where a value has the wrong shape; unknown fields, which can be passed over, are not among them. */
  readonly misshapen: Path[] = [];
  readonly #seen = new Set<string>();
  readonly #unreadable: ReadonlySet<string>;

  constructor(locate: Locator, first: readonly Problem[]) {
    this.#locate = locate;
    this.list = [...first];
    this.#unreadable = new Set(first.map(({ path }) => path));
  }

  /** @param offset characters into a text value */
  add(path: Path, message: string, options: ProblemOptions = {}): void {
    const written = formatPath(path);
    // A value that could not be read is no value of the wrong shape.
    if (this.#unreadable.has(written)) return;
    const { offset, cause, boundBy } = options;
    const locate = this.#locate;
    // What a plugin still reports once the configuration is in force can refuse nothing.
    if (locate === null) return;
    const at = locate.positionOf(path, {
      key: options.key === true,
      ...(offset === undefined ? {} : { offset }),
    });
    // Whoever knows a place inside a text is going to quote it.
    const shown = offset !== undefined && locate.isSecret(path) ? hidden : message;
    const key = `${written} ${at.line}:${at.column} ${shown}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.list.push({
      at,
      path: written,
      message: locate.redact(path, shown),
      ...(cause === undefined ? {} : { cause }),
      ...(boundBy === undefined ? {} : { boundAt: locate.positionOf(boundBy) }),
    });
  }

  /** Building is over: where things stand need not be remembered, though plugins still hold on to their kits. */
  release(): void {
    this.#locate = null;
  }

  /** Reports a reference to something that there is not. */
  known(name: string, known: readonly string[], what: string, path: Path): void {
    if (known.includes(name)) return;
    this.add(path, `there is no ${what} "${name}"; ${describeAllowed(known, name)}`);
  }

  /** Whether something is wrong with the value at the path or in it. */
  has(path: Path): boolean {
    const written = formatPath(path);
    const isIn = (other: string): boolean =>
      other.startsWith(written) && /^[.[]/.test(other.slice(written.length));
    return this.list.some((problem) => problem.path === written || isIn(problem.path));
  }

  /**
   * Checks a value against a schema and fills in defaults. Answers whether it holds.
   * @param path where the value stands in the configuration
   */
  check(schema: TSchema, value: unknown, path: Path): boolean {
    const validate = validator(schema);
    if (validate(value)) return true;
    const errors = telling(validate.errors ?? []);
    const misspelt = new Set(errors.map(meant));
    for (const error of errors) {
      // Told already, as what the unknown field was probably meant to be.
      if (error.keyword === 'required' && misspelt.has(missing(error)))
        this.misshapen.push(pathOf(error, path));
      else this.#report(error, path);
    }
    return false;
  }

  #report(error: ErrorObject, base: Path): void {
    const path = pathOf(error, base);
    if (error.keyword === 'additionalProperties') {
      const name = String((error.params as { additionalProperty: unknown }).additionalProperty);
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      const { patternProperties = {}, allowed: words } = error.parentSchema as {
        patternProperties?: object;
        allowed?: string;
      };
      const [pattern] = Object.keys(patternProperties);
      if (pattern === undefined) {
        this.add([...path, name], `unknown field; ${describeAllowed(known, name)}`, { key: true });
      } else {
        this.misshapen.push([...path, name]);
        this.add([...path, name], `not a name; allowed: ${words ?? `text that matches ${pattern}`}`, {
          key: true,
        });
      }
      return;
    }
    this.misshapen.push(path);
    if (error.keyword === 'required') {
      const name = String((error.params as { missingProperty: unknown }).missingProperty);
      this.add(path, `"${name}" is missing`, { key: true });
      return;
    }
    const isSecret =
      (error.parentSchema as { secret?: boolean } | undefined)?.secret === true ||
      this.#locate?.isSecret(path) !== false;
    this.add(path, `found ${isSecret ? 'a secret' : show(error.data)}; ${allowed(error)}`);
  }
}

/** Checks a configuration, or some sections of it, entry by entry: at once it would keep requests waiting. */
export async function checkRoot(
  schema: TSchema,
  root: Readonly<Record<string, unknown>>,
  problems: Problems,
  breath: Breath,
): Promise<void> {
  const { shell, entries } = partsOf(schema);
  problems.check(shell, root, []);
  for (const { section, pattern, schema: each } of entries) {
    const value = root[section];
    // What is no record, and names that are none, the shell has reported.
    const isRecord =
      typeof value === 'object' && value !== null && Array.isArray(value) === (pattern === null);
    if (!isRecord) continue;
    for (const [name, entry] of Object.entries(value)) {
      if (pattern?.test(name) !== false)
        problems.check(each, entry, [section, pattern === null ? Number(name) : name]);
      if (breath.isDue) await breath.take();
    }
  }
}

interface Parts {
  /** The schema without what stands in its records and lists. */
  readonly shell: TSchema;
  readonly entries: readonly {
    readonly section: string;
    /** Null for a list. */
    readonly pattern: RegExp | null;
    readonly schema: TSchema;
  }[];
}

const parts = new WeakMap<TSchema, Parts>();

function partsOf(schema: TSchema): Parts {
  const there = parts.get(schema);
  if (there !== undefined) return there;
  const { properties } = schema as unknown as { properties: Readonly<Record<string, Parted>> };
  const shells: Record<string, unknown> = {};
  const entries: Parts['entries'][number][] = [];
  for (const [section, each] of Object.entries(properties)) {
    const { patternProperties, items } = each;
    const [[source, value] = [], ...others] = Object.entries(patternProperties ?? {});
    if (source !== undefined && value !== undefined && others.length === 0) {
      entries.push({ section, pattern: new RegExp(source, 'u'), schema: value });
      shells[section] = { ...each, patternProperties: { [source]: {} } };
    } else if (each.type === 'array' && items !== undefined) {
      entries.push({ section, pattern: null, schema: items });
      shells[section] = { ...each, items: {} };
    } else shells[section] = each;
  }
  const found = { shell: { ...schema, properties: shells } as TSchema, entries };
  parts.set(schema, found);
  return found;
}

interface Parted {
  readonly type?: string;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
  readonly items?: TSchema;
}

/**
 * Within a union only the union's own error tells the reader something; within a record, the key's; of `if`, what the
 * branch said.
 */
function telling(all: readonly ErrorObject[]): ErrorObject[] {
  const errors = all.filter(({ keyword }) => keyword !== 'if');
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  return errors.filter(
    (error) =>
      !unions.some((union) => union !== error && error.schemaPath.startsWith(`${union.schemaPath}/`)),
  );
}

/** The field of which an unknown one is probably a misspelling. */
function meant(error: ErrorObject): string | undefined {
  if (error.keyword !== 'additionalProperties') return undefined;
  const name = String((error.params as { additionalProperty: unknown }).additionalProperty);
  const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
  const near = nearest(name, known);
  return near === undefined ? undefined : `${error.instancePath}/${near}`;
}

function missing(error: ErrorObject): string {
  return `${error.instancePath}/${String((error.params as { missingProperty: unknown }).missingProperty)}`;
}

function pathOf(error: ErrorObject, base: Path): Path {
  return [...base, ...steps(error.instancePath)];
}

function steps(instancePath: string): (string | number)[] {
  if (instancePath === '') return [];
  return instancePath
    .slice(1)
    .split('/')
    .map((step) => {
      const text = step.replaceAll('~1', '/').replaceAll('~0', '~');
      return /^\d+$/.test(text) ? Number(text) : text;
    });
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}..."` : text;
}

function allowed(error: ErrorObject): string {
  const schema = (error.parentSchema ?? {}) as Readonly<Record<string, unknown>>;
  if (error.keyword === 'enum') {
    const words = (schema['enum'] as unknown[]).map(String);
    return describeAllowed(words, typeof error.data === 'string' ? error.data : '');
  }
  if (error.keyword === 'anyOf' || error.keyword === 'oneOf') {
    return `allowed: ${((schema[error.keyword] as Readonly<Record<string, unknown>>[] | undefined) ?? []).map(member).join(', or ')}`;
  }
  if (error.keyword === 'type' || error.keyword === 'minimum' || error.keyword === 'maximum') {
    const isUnquoted = schema['type'] === 'string' && ['number', 'boolean'].includes(typeof error.data);
    return `allowed: ${summary(schema)}${isUnquoted ? '; quote it' : ''}`;
  }
  if (error.keyword === 'const') return `allowed: ${JSON.stringify(schema['const'])}`;
  if (typeof schema['allowed'] === 'string') return `allowed: ${schema['allowed']}`;
  if (error.keyword === 'pattern') return `allowed: text that matches ${String(schema['pattern'])}`;
  if (error.keyword === 'uniqueItems') return 'allowed: each item once';
  const { limit } = error.params as { limit?: number };
  if (error.keyword === 'minLength')
    return `allowed: text of at least ${limit} character${limit === 1 ? '' : 's'}`;
  if (error.keyword === 'maxLength') return `allowed: text of at most ${limit} characters`;
  if (error.keyword === 'minItems') return `allowed: a list of at least ${limit}`;
  if (error.keyword === 'maxItems') return `allowed: a list of at most ${limit}`;
  return `it ${error.message ?? 'is not allowed'}`;
}

function member(schema: Readonly<Record<string, unknown>>): string {
  return typeof schema['allowed'] === 'string' ? schema['allowed'] : summary(schema);
}

function summary(schema: Readonly<Record<string, unknown>>): string {
  if (schema['const'] !== undefined) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map(String).join(', ');
  const { type } = schema;
  if (type === 'object') return 'a mapping';
  if (type === 'array') return 'a list';
  if (type === 'string') return 'text';
  if (type === 'integer') return `a whole number${range(schema)}`;
  if (type === 'number') return `a number${range(schema)}`;
  if (type === 'boolean') return 'true or false';
  if (Array.isArray(type)) return type.join(' or ');
  return typeof type === 'string' ? type : 'another value';
}

function range(schema: Readonly<Record<string, unknown>>): string {
  const { minimum, maximum } = schema;
  if (typeof minimum !== 'number') return typeof maximum === 'number' ? ` of at most ${maximum}` : '';
  return typeof maximum === 'number' ? ` from ${minimum} to ${maximum}` : ` of at least ${minimum}`;
}
