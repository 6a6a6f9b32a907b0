import { OneOf, Options, type Static, Type } from '#sdk';

const Values = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
  minItems: 1,
  maxItems: 10_000,
  description: 'Addresses, blocks (`192.0.2.0/24`) and ranges (`192.0.2.1-192.0.2.9`), or names of accounts.',
});

const DataSetNames = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 1,
  maxItems: 100,
  description: 'Data sets of type `IP_WHITELIST_CIDR`, with what is in them at the time of a call.',
});

const List = Options({ values: Type.Optional(Values), dataSets: Type.Optional(DataSetNames) });

export const Config = Options({
  subject: OneOf(['ip', 'account'], { description: 'What `values` name: addresses, or accounts.' }),
  effect: OneOf(['allow', 'deny'], { description: '`allow`: these and nobody else. `deny`: all but these.' }),
  values: Type.Optional(Values),
  dataSets: Type.Optional(DataSetNames),
  apps: Type.Optional(
    Type.Record(Type.String({ minLength: 1 }), List, {
      description:
        'By id or name of an app: from where it may call, beside `values` and `dataSets`. With `effect: allow` only.',
    }),
  ),
  clientAddress: Type.Optional(
    Options(
      {
        from: OneOf(['connection', 'forwarded-for'], { default: 'connection' }),
        index: Type.Optional(
          Type.Integer({
            minimum: -32,
            maximum: 31,
            description: 'Entry of X-Forwarded-For: 0 is the first, -1 the last, which is the default.',
          }),
        ),
      },
      { description: "Where the caller's address is read." },
    ),
  ),
});

export type Config = Static<typeof Config>;

/** Addresses of one kind of caller. */
export type List = Static<typeof List>;
