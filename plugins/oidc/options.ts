import { Matching, OneOf, Options, Secret, type Static, Type } from '#sdk';

const FieldName = (description: string) =>
  Matching("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", 'the name of a header', { description });
const ApiName = (description: string) => Type.String({ minLength: 1, description });
const Path = (description: string) =>
  Matching("^/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@/-]*$", 'a path, without a query or percent-encoding', {
    description,
  });

const Session = Options(
  {
    idleSeconds: Type.Integer({
      minimum: 60,
      maximum: 2_592_000,
      default: 3600,
      description: 'A session ends when nothing was asked with it for so long.',
    }),
    lifetimeSeconds: Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      default: 43_200,
      description: 'A session ends so long after signing in, whatever is asked with it.',
    }),
  },
  { description: 'How long somebody stays signed in.' },
);

const Refresh = Options(
  {
    enabled: Type.Boolean({
      default: true,
      description: 'Whether access tokens are refreshed. Without it a session ends with its access token.',
    }),
    beforeSeconds: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 60,
      description: 'How long before it expires.',
    }),
  },
  { description: 'Access tokens that expire.' },
);

const Bearer = Options(
  {
    accept: Type.Boolean({
      default: true,
      description: 'Whether a token of the provider in `Authorization: Bearer` stands for a session.',
    }),
    audiences: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      maxItems: 20,
      description:
        'Whom such a token must be for, one of these. For this client, or issued to it, unless given.',
    }),
    cacheSeconds: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 300,
      description: 'How long a token that was verified is not verified again.',
    }),
  },
  { description: 'Callers without a browser.' },
);

export const Config = Options({
  clientId: Type.String({
    minLength: 1,
    maxLength: 1024,
    description: 'The client, as the provider knows it.',
  }),
  clientSecret: Secret({
    minLength: 1,
    maxLength: 1024,
    description:
      'Its secret, sent as client_secret_basic. What is kept of sessions is encrypted with keys made of it.',
  }),
  discovery: Matching('^https?://[^\\s/?#@]+[^\\s#]*$', 'an address with http:// or https://', {
    description: "The provider's discovery document, or its issuer.",
  }),
  issuer: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'What the provider calls itself; told by `discovery` unless given.',
    }),
  ),
  allowInsecure: Type.Boolean({
    default: false,
    description:
      'Whether a provider may be called over plain HTTP. On this machine (localhost) it always may.',
  }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 5000,
    description: 'Longest time for one answer of the provider, in milliseconds.',
  }),
  scope: Matching(
    '^[\\x21\\x23-\\x5B\\x5D-\\x7E]+(?: [\\x21\\x23-\\x5B\\x5D-\\x7E]+)*$',
    'scopes with a blank between',
    {
      default: 'openid email profile',
      description: 'What is asked for; `openid` must be part of it.',
    },
  ),
  userInfo: Type.Boolean({
    default: false,
    description: "Whether the claims of the provider's userinfo endpoint are added to those of the id token.",
  }),
  callbackApi: Type.Optional(
    ApiName('The API (`group/name`) to which the provider sends the browser back; it must be `auth: none`.'),
  ),
  callbackPath: Type.Optional(Path('Instead of `callbackApi`: a path that needs no API of its own.')),
  logoutApi: Type.Optional(ApiName('The API (`group/name`) that signs out.')),
  logoutPath: Type.Optional(Path('Instead of `logoutApi`: a path that needs no API of its own.')),
  afterLogout: Type.Optional(
    Matching('^(?:/(?![/\\\\])|https?://)[^\\s#\\\\]*$', 'a path, or an address with http:// or https://', {
      description: 'Where the browser goes in the end, when somebody signed out.',
    }),
  ),
  origin: Type.Optional(
    Matching('^https?://[^\\s/?#@\\\\]+$', 'http://host or https://host:port', {
      description:
        'How browsers reach these APIs; as the request says unless given. For TLS that ends before the gateway.',
    }),
  ),
  session: { ...Session, default: {} },
  accessTokenSeconds: Type.Integer({
    minimum: 1,
    maximum: 31_536_000,
    default: 3600,
    description: 'How long an access token is good for where the provider does not say.',
  }),
  refresh: { ...Refresh, default: {} },
  bearer: { ...Bearer, default: {} },
  publicKey: Type.Optional(
    Type.String({
      minLength: 1,
      description: "The key that verifies tokens, in PEM, instead of the provider's JWKS.",
    }),
  ),
  accessToken: OneOf(['remove', 'keep', 'send'], {
    default: 'remove',
    description:
      '`send`: the backend gets the access token as `Authorization: Bearer`; `keep`: it gets what a caller sent.',
  }),
  idTokenHeader: Type.Optional(FieldName('A field that the backend gets the id token of a session in.')),
  claims: Type.Array(
    Options({
      claim: Type.String({ minLength: 1, description: 'Of the token.' }),
      header: FieldName('What the backend gets it as. What callers send under this name never reaches it.'),
    }),
    { default: [], maxItems: 50, description: 'Claims that the backend gets.' },
  ),
});
export type Config = Static<typeof Config>;
