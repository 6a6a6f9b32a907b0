import { Matching, OneOf, Options, Secret, type Static, Type } from '#sdk';
import { Jwk } from './jwk.ts';
import { allAlgorithms } from './keys.ts';

export const FieldName = (description: string) =>
  Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]{1,128}$", 'the name of a header field', { description });
const Name = (description: string) => Type.String({ minLength: 1, maxLength: 256, description });

const Token = Options(
  {
    in: Type.Optional(
      OneOf(['header', 'query', 'cookie', 'form'], {
        description:
          'Where a request has its token; where the API declares a parameter of that name, else `header`.',
      }),
    ),
    name: Type.Optional(
      Name('`Authorization` or `access_token` unless given; of a header and a cookie in any letter case.'),
    ),
    prefix: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'What stands before the token in a header, in any letter case; `Bearer` unless given, empty for nothing.',
      }),
    ),
    prefixRequired: Type.Boolean({ default: true, description: 'Refuse a header without the prefix.' }),
  },
  { description: 'Where the token is.' },
);

const Key = Options({
  jwk: Type.Optional(Jwk),
  pem: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 20_000,
      description: 'A public key in PEM, instead of `jwk`.',
    }),
  ),
  kid: Type.Optional(Name('Names the key of `pem` to tokens.')),
  alg: Type.Optional(Type.String({ description: 'The only algorithm the key of `pem` is for.' })),
});

const Service = Options(
  {
    url: Type.String({
      minLength: 1,
      maxLength: 2048,
      description: '`https://host/path`, or http. Answers a JSON Web Key Set.',
    }),
    timeoutMs: Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 5000,
      description: 'Longest time until the whole answer.',
    }),
    cacheSeconds: Type.Optional(
      Type.Integer({
        minimum: 600,
        maximum: 86_400,
        description: 'How long keys count that cannot be fetched again; for ever unless given.',
      }),
    ),
    host: Type.Optional(
      Matching('^[A-Za-z0-9.\\-_:\\[\\]]{1,260}$', 'host or host:port', {
        description: "The `Host` to send; the address's own unless given.",
      }),
    ),
  },
  {
    description:
      'Keys that a server publishes, fetched every five minutes and when a token names one that is not there.',
  },
);

const Values = Type.Array(
  Options({
    claim: Name('A claim, by its own name.'),
    values: Type.Array(Type.String({ maxLength: 1024 }), {
      minItems: 1,
      maxItems: 100,
      description: 'As text: 7 is `"7"`.',
    }),
  }),
  { default: [], maxItems: 64 },
);

const Claim = Options({
  claim: Name('A claim, by its own name.'),
  name: Name('What the backend knows it as.'),
  in: OneOf(['header', 'query', 'path', 'form'], {
    default: 'header',
    description: 'Where it goes. In a path it replaces `[name]`.',
  }),
  append: Type.Boolean({
    default: false,
    description: 'Leave what the caller sent under that name; for `header` only.',
  }),
});

const texts = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { default: [], maxItems: 100, description });

export const Config = Options({
  token: { ...Token, default: {} },
  keys: Type.Optional(
    Type.Array(Key, {
      minItems: 1,
      maxItems: 100,
      description: 'Keys, each with a `kid` of its own unless there is but one.',
    }),
  ),
  jwks: Type.Optional(
    Secret({
      minLength: 2,
      maxLength: 51_200,
      description: 'A JSON Web Key Set, or a list of keys, as a JSON text.',
    }),
  ),
  service: Type.Optional(Service),
  algorithms: Type.Optional(
    Type.Array(OneOf(allAlgorithms), {
      minItems: 1,
      description: 'No other algorithms than these; those that the keys are for unless given.',
    }),
  ),
  issuers: texts('`iss` must be one of them.'),
  audiences: texts('`aud` must be or have one of them.'),
  requiredClaims: texts('Claims that a token must have, such as `exp`.'),
  allow: { ...Values, description: 'Each claim must be, or have, one of its values.' },
  deny: { ...Values, description: 'No claim may be, or have, one of its values.' },
  block: Type.Optional(
    Options(
      {
        dataSet: Name('Of type `JWT_BLOCKING`, in the section `dataSets`.'),
        claim: Name('Which claim it lists; a token without it is refused.'),
      },
      { description: 'Tokens that are refused, by a list that may change.' },
    ),
  ),
  toleranceSeconds: Type.Integer({
    minimum: 0,
    maximum: 86_400,
    default: 0,
    description: 'How far clocks may differ.',
  }),
  maxAgeSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      description: 'Oldest token by its `iat`, which it then must have.',
    }),
  ),
  ignoreExpiration: Type.Boolean({ default: false, description: 'Do not look at `exp`.' }),
  preventReplay: Type.Boolean({
    default: false,
    description: 'Each token once, by `iss` and `jti`; it must have `jti` and `exp`.',
  }),
  allowMissingToken: Type.Boolean({
    default: false,
    description: 'Let requests without a token through, as nobody.',
  }),
  forwardToken: Type.Boolean({ default: false, description: 'Send the token on to the backend.' }),
  payloadHeader: Type.Optional(
    FieldName('A header field that tells the backend the claims: the second part of the token as it is.'),
  ),
  claims: Type.Array(Claim, {
    default: [],
    maxItems: 64,
    description: 'Claims for the backend. What the caller sent under their names is not sent on.',
  }),
});

export type Config = Static<typeof Config>;
export type ClaimRule = Config['claims'][number];
