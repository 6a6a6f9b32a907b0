import { OneOf, Options, type Static, Type } from '#sdk';

const Effect = (description: string) => Type.Optional(OneOf(['allow', 'deny'], { description }));

const Rule = Options({
  name: Type.String({ minLength: 1, maxLength: 100, description: 'Unique; for logs and `explain`.' }),
  when: Type.Optional(Type.String({ description: 'A condition such as `$uid = $pathUid`.' })),
  parameter: Type.Optional(
    Type.String({ description: 'Instead of `when`: the name of a parameter whose value is looked for.' }),
  ),
  dataSet: Type.Optional(
    Type.String({
      description: 'With `parameter`: the data set, of the type PARAMETER_ACCESS, that must have it.',
    }),
  ),
  onTrue: Effect('What a condition that is true, or a value that is in the set, does.'),
  onFalse: Effect(
    'The same for one that is false, or a value that is not in the set. With `parameter`, `deny` unless a rule says either.',
  ),
  status: Type.Integer({ minimum: 200, maximum: 599, default: 403, description: 'Of a denial.' }),
  message: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1024,
      description: 'Of a denial: sent as `X-Ca-Error-Message`. May hold `${name}`.',
    }),
  ),
  headers: Type.Record(Type.String({ minLength: 1 }), Type.String(), {
    default: {},
    description: 'Fields added to a denial. Values may hold `${name}`.',
  }),
  body: Type.Optional(
    Type.String({
      description: "Of a denial, instead of the form of the API's group. May hold `${name}`.",
    }),
  ),
});

export const Config = Options({
  parameters: Type.Record(Type.String({ minLength: 1 }), Type.String(), {
    default: {},
    description:
      'Names that rules use, without `$`, and where each is read, such as `Token:sub`; at most 16.',
  }),
  rules: Type.Array(Rule, {
    minItems: 1,
    maxItems: 100,
    description: 'Tried in this order until one allows or denies; a request that none decides on is allowed.',
  }),
});

export type Config = Static<typeof Config>;
export type RuleConfig = Config['rules'][number];
