import { OneOf, Options, type Static, Type } from '#sdk';

/** A JSON Schema: a mapping, or `true` and `false`. What may stand in it is for the schema's own dialect to say. */
const Schema = Type.Union([Type.Boolean(), Type.Record(Type.String(), Type.Unknown())], {
  description: 'JSON Schema 2020-12; `$ref` may name a schema of the section `schemas`.',
});
export type JsonSchema = Static<typeof Schema>;

const Content = Options({
  schema: Type.Optional(Schema),
});

export const Config = Options({
  content: Type.Record(Type.String(), Content, {
    minProperties: 1,
    description: 'What a request may carry, by media type; one without a schema is not looked into.',
  }),
  required: Type.Boolean({
    default: true,
    description: 'Whether POST, PUT and PATCH without content are refused.',
  }),
  maxBytes: Type.Integer({
    minimum: 1,
    maximum: 12_582_912,
    default: 262_144,
    description: 'Longest content that is looked into, in bytes; what the API allows if that is less.',
  }),
  formats: OneOf(['assert', 'ignore'], {
    default: 'assert',
    description: 'Whether `format` is checked, or only says what is meant.',
  }),
  patterns: OneOf(['linear', 'backtracking'], {
    default: 'linear',
    description: 'How regular expressions are matched.',
  }),
  details: Type.Boolean({
    default: true,
    description: 'Whether the caller is told where the content breaks which rule.',
  }),
});
export type Config = Static<typeof Config>;

export const Section = Type.Record(
  Type.String(),
  Type.Union([
    Options({
      file: Type.String({
        minLength: 1,
        description: 'A JSON file with the schema, relative to the YAML file.',
      }),
    }),
    Options({ schema: Schema }),
  ]),
  { description: 'JSON Schemas by name, for `$ref` in `request-validation`.' },
);
export type Section = Readonly<Record<string, { readonly file?: string; readonly schema?: JsonSchema }>>;
