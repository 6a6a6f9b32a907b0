import { CORE_SCHEMA, NOT_RESOLVED, type ScalarTagDefinition } from 'js-yaml';
import type { Scalar } from './tree.ts';

const CORE_TAGS = CORE_SCHEMA.tags.filter((tag): tag is ScalarTagDefinition => tag.nodeKind === 'scalar');

/** What an unquoted text means; with a tag's full name, what it means under that, or undefined if it does not fit. */
export function resolveScalar(text: string, tagName?: string): Scalar | undefined {
  for (const tag of CORE_TAGS) {
    if (tagName === undefined ? !tag.implicit : tag.tagName !== tagName) continue;
    const value = tag.resolve(text, tagName !== undefined, tag.tagName);
    // The core schema has no scalars but these four types.
    if (value !== NOT_RESOLVED) return value as Scalar;
  }
  return tagName === undefined ? text : undefined;
}
