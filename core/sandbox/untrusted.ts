import type { Static, TSchema } from '#sdk';
import { validator } from '../config/check.ts';

/**
 * Reads what came out of an isolate.
 * @throws Error when it is not of the shape, or holds a key that would change more than the object it stands in
 */
export function readUntrusted<Schema extends TSchema>(schema: Schema, json: string): Static<Schema> {
  const value = parseUntrusted(json);
  const validate = validator(schema);
  if (validate(value)) return value as Static<Schema>;
  const [error] = validate.errors ?? [];
  throw new Error(
    `its answer${(error?.instancePath ?? '').replaceAll('/', '.')} ${error?.message ?? 'is wrong'}`,
  );
}

/** @throws Error when it is no JSON, or has a key that, copied, changes what an object is made of */
export function parseUntrusted(json: string): unknown {
  // A key may be written with escapes.
  return /__proto__|\\u/.test(json) ? JSON.parse(json, withoutProto) : JSON.parse(json);
}

/** Leaves out what would move a terminal's cursor, or break a line. */
export function printable(text: string): string {
  return text.replace(unprintable, ' ');
}

// oxlint-disable-next-line no-control-regex -- they are what is meant
const unprintable = /[\x00-\x1f\x7f-\x9f]/g;

function withoutProto(this: unknown, key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Error('its answer has a key "__proto__"');
  return value;
}

const keywords = new Set([
  'type',
  'title',
  'description',
  'default',
  'enum',
  'const',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'items',
  'additionalItems',
  'minItems',
  'maxItems',
  'uniqueItems',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'secret',
  'allowed',
]);
const maxDepth = 12;

/**
 * What is wrong with a schema that foreign code made and this process compiles and runs: it may hold plain rules only,
 * and patterns that take no more than a moment.
 */
export function schemaProblem(schema: unknown, depth = 0): string | undefined {
  if (typeof schema === 'boolean') return undefined;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return 'a schema must be an object';
  if (depth > maxDepth) return `its schema is more than ${maxDepth} levels deep`;
  for (const [key, value] of Object.entries(schema)) {
    const problem = keywordProblem(key, value, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function keywordProblem(key: string, value: unknown, depth: number): string | undefined {
  if (!keywords.has(key)) return `its schema has "${key}", which is not available in a sandbox`;
  if (key === 'pattern') return patternProblem(value);
  const texts = [value, key === 'properties' ? Object.keys(value ?? {}) : value].flat();
  if (texts.some((text) => typeof text === 'string' && printable(text) !== text))
    return `"${key}" of its schema has control characters`;
  if (key === 'properties' || key === 'patternProperties') {
    const entries = Object.entries((value ?? {}) as Record<string, unknown>);
    // Defaults are written through these, and every object already has them.
    const own = entries.find(([name]) => name in {});
    if (own !== undefined)
      return `its schema has a property "${own[0]}", which a sandboxed plugin cannot have`;
    const patterns = key === 'patternProperties' ? entries.map(([pattern]) => patternProblem(pattern)) : [];
    return [...patterns, ...entries.map(([, each]) => schemaProblem(each, depth))].find(
      (each) => each !== undefined,
    );
  }
  const isSchemas = ['anyOf', 'oneOf', 'allOf'].includes(key) || (key === 'items' && Array.isArray(value));
  if (isSchemas) {
    if (!Array.isArray(value)) return `"${key}" of its schema must be a list`;
    return value.map((each) => schemaProblem(each, depth)).find((each) => each !== undefined);
  }
  const isSchema = ['items', 'additionalItems', 'additionalProperties', 'propertyNames', 'not'].includes(key);
  return isSchema ? schemaProblem(value, depth) : undefined;
}

/** A repeated group that repeats or chooses within itself can take time exponential in the length of a text. */
function patternProblem(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string' || pattern.length > 500)
    return 'a pattern must be a text of at most 500 characters';
  const bare = pattern
    .replaceAll('(?:', '(')
    // Words with something between them that is in none of them.
    .replace(/\(([-,:/ ])\[([a-zA-Z0-9-]+)\][+*]\)/g, (all: string, between: string, word: string) =>
      word.replace(/[a-z0-9]-[a-z0-9]/gi, '').includes(between) ? all : '_',
    )
    .replace(/\\[^]/g, '_')
    .replace(/\[[^\]]*\]/g, '_');
  const isRisky = repeatsWithin(bare) || /\\[1-9k]/.test(pattern);
  return isRisky ? `its schema has a pattern that may take too long: ${pattern}` : undefined;
}

/** Whether a repeated group has a choice or a repetition in it, at any depth: groups are folded from the inside. */
function repeatsWithin(bare: string): boolean {
  const varies = '\ue000';
  for (let rest = bare; ;) {
    const folded = rest.replace(/\(([^()]*)\)/, (_all, inner: string) =>
      /[*+{|?\ue000]/.test(inner) ? varies : '_',
    );
    if (/\ue000[*+{]/.test(folded)) return true;
    if (folded === rest) return false;
    rest = folded;
  }
}
