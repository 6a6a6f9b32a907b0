import { type TSchema, type TUnsafe, Type } from 'typebox';

/** One of a few words. Validation names them all when something else is found. */
export function OneOf<const Word extends string>(
  words: readonly Word[],
  options: { description?: string; default?: Word } = {},
): TUnsafe<Word> {
  return Type.Unsafe<Word>({ type: 'string', enum: [...words], ...options });
}

/** Text of one form. Validation tells in the words of `allowed` what the pattern allows. */
export function Matching(
  pattern: string,
  allowed: string,
  options: { description?: string; default?: string } = {},
) {
  return Type.String({ ...options, pattern, allowed });
}

/** Text that must never be shown: error messages say where it stands and what is allowed, not what was found. */
export function Secret(
  options: { description?: string; minLength?: number; maxLength?: number; pattern?: string } = {},
) {
  return Type.String({ ...options, secret: true });
}

/** An object that refuses fields it does not know, which is what every plugin's options should be. */
export function Options<const Properties extends Record<string, TSchema>>(
  properties: Properties,
  options: { description?: string } = {},
) {
  return Type.Object(properties, { ...options, additionalProperties: false });
}
