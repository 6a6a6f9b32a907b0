import { OneOf, Options, Secret, type Static, Type } from '#sdk';

const Identity = Options({
  in: OneOf(['header', 'query']),
  name: Type.String({ minLength: 1, maxLength: 128 }),
  validation: Type.Optional(
    Type.String({ minLength: 1, maxLength: 1024, description: 'What the whole value must match.' }),
  ),
});

const AuthorizerOptions = Options({
  type: OneOf(['frontend', 'backend'], {
    description: 'Whether it authenticates callers, or makes values for the request to the backend.',
  }),
  function: Type.String({ minLength: 1, description: 'A name in the section `functions`.' }),
  identities: Type.Array(Identity, {
    default: [],
    maxItems: 10,
    description: 'What a request must have before the function is asked; decisions are kept by it.',
  }),
  cacheSeconds: Type.Integer({
    minimum: 0,
    maximum: 3600,
    default: 0,
    description: 'How long a decision is kept; 0 asks for each request.',
  }),
  userData: Type.Optional(
    Secret({ maxLength: 65_536, description: 'Handed to the function as `user_data`. May hold secrets.' }),
  ),
  needBody: Type.Boolean({ default: false, description: "Hand over the request's body, too." }),
  base64Body: Type.Boolean({
    default: true,
    description: 'Whether the body is in base64; when false, a body of `application/json` goes as text.',
  }),
  timeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 60_000, description: "Less than the function's own limit." }),
  ),
  retries: Type.Integer({
    minimum: 0,
    maximum: 10,
    default: 0,
    description: 'Further calls when the function fails, is late or cannot be reached.',
  }),
  relaxed: Type.Boolean({
    default: false,
    description: 'Let requests through, without context, while the function cannot be reached.',
  }),
  allowNumbersAndBooleans: Type.Boolean({
    default: false,
    description: 'Take numbers and booleans in the context as text; otherwise they are a bad answer.',
  }),
});

export type Identity = Static<typeof Identity>;
export type AuthorizerOptions = Static<typeof AuthorizerOptions>;

export const AuthorizersSchema = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{2,63}$' }),
  AuthorizerOptions,
  {
    additionalProperties: false,
    allowed: '3 to 64 letters, digits, - and _, the first of them a letter',
  },
);
