import { OneOf, Options, type Static, Type } from '#sdk';

const Condition = Options({
  source: OneOf(['parameter', 'ip', 'system'], {
    description: 'What is looked at: a parameter of the request, the address of the caller, a system value.',
  }),
  parameter: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'With `parameter`: a name in `request.parameters`, or a `{p}` of the path. With `system`: a system value.',
    }),
  ),
  type: Type.Optional(
    OneOf(['equal', 'enum', 'pattern'], {
      description: 'With `parameter` and `system`: how `value` is compared.',
    }),
  ),
  value: Type.String({
    minLength: 1,
    maxLength: 4096,
    description:
      'A text; with `enum` a list with commas; with `pattern` a regular expression; with `ip` addresses and CIDR blocks with commas.',
  }),
});

const Policy = Options({
  name: Type.String({
    pattern: '^[\\p{L}\\p{N}][\\p{L}\\p{N}_-]*$',
    maxLength: 64,
    allowed: 'letters, digits, "_" and "-", beginning with a letter or digit',
    description: 'Unique.',
  }),
  match: OneOf(['all', 'any'], {
    default: 'all',
    description: 'Whether all conditions must hold, or one of them.',
  }),
  conditions: Type.Array(Condition, { minItems: 1, maxItems: 50 }),
  backend: Type.Object(
    { type: Type.String() },
    {
      additionalProperties: true,
      description: "As an API's `backend`, whole; nothing is taken from the API's own.",
    },
  ),
});

/** The API field `policies`. */
export const Policies = Type.Array(Policy, {
  maxItems: 5,
  description: "Tried in this order; the first that matches decides, else the API's own backend is called.",
});

export type PolicyConfig = Static<typeof Policy>;
export type ConditionConfig = Static<typeof Condition>;
