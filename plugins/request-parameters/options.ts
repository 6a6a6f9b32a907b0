import { OneOf, Options, type Static, Type } from '#sdk';

const Scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const Length = Type.Integer({ minimum: 0, maximum: 1_048_576 });

const ParameterSchema = Options({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  in: OneOf(['path', 'query', 'header']),
  type: OneOf(['string', 'number'], { default: 'string' }),
  required: Type.Optional(
    Type.Boolean({ description: 'False when absent; a path parameter is always required.' }),
  ),
  default: Type.Optional(Scalar),
  minLength: Type.Optional(Length),
  maxLength: Type.Optional(Length),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
  enum: Type.Optional(
    Type.Union([Type.Array(Scalar, { minItems: 1 }), Type.String({ minLength: 1 })], {
      description: 'A list, or text with commas between.',
    }),
  ),
  pattern: Type.Optional(Type.String({ minLength: 1, description: 'What the whole value must match.' })),
  passThrough: Type.Optional(
    Type.Boolean({
      description: 'Whether it is sent on where the caller put it. When absent: unless the backend maps it.',
    }),
  ),
  example: Type.Optional(Scalar),
  description: Type.Optional(Type.String()),
});

export const Parameters = Type.Array(ParameterSchema, { maxItems: 50 });

export type Parameter = Static<typeof ParameterSchema>;
