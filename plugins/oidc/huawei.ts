import { Options, Secret, type Static, Type, defineDialect } from '#sdk';
import { isPublicKey } from './check.ts';
import { Config } from './options.ts';

const Optional = (description: string) =>
  Type.Optional(Type.Union([Type.Null(), Type.String({ maxLength: 4096 })], { description }));

const Document = Options({
  client_id: Type.String({ minLength: 1, maxLength: 1024 }),
  client_secret: Secret({ minLength: 1, maxLength: 1024 }),
  discovery: Config.properties.discovery,
  redirect_api_id: Type.String({
    minLength: 1,
    description: 'The API that the browser comes back to: group/name.',
  }),
  logout_api_id: Optional('The API that signs out: group/name.'),
  scope: Type.Optional(Type.Union([Type.Null(), Config.properties.scope])),
  access_token_expires_in: Type.Integer({
    minimum: 1,
    maximum: 31_536_000,
    default: 3600,
    description: 'Seconds, where the provider says none.',
  }),
  jwt_cache_enabled: Type.Boolean({ default: true }),
  jwks_enabled: Type.Boolean({ default: true }),
  public_key: Optional('PEM; it goes before the JWKS.'),
  redirect_after_logout_uri: Optional('Where the browser goes when somebody signed out.'),
  slient_renew_access_token_enabled: Type.Boolean({
    default: true,
    description: 'Spelt as the vendor does.',
  }),
});
type Document = Static<typeof Document>;

const afterLogout = new RegExp((Config.properties.afterLogout as unknown as { pattern: string }).pattern);

/** The oidc_auth plug-in of Huawei Cloud APIG. */
export const fromHuawei = defineDialect(Document, (document: Document, problem): Config => {
  const publicKey = given(document.public_key);
  const logoutApi = given(document.logout_api_id);
  const afterwards = given(document.redirect_after_logout_uri);
  if (!document.jwks_enabled && publicKey === undefined)
    problem(['jwks_enabled'], 'found false; then "public_key" must be there, or no token can be verified');
  if (publicKey !== undefined && !isPublicKey(publicKey))
    problem(['public_key'], 'it must be a public key of RSA, an elliptic curve or Ed25519, in PEM');
  if (afterwards !== undefined && !afterLogout.test(afterwards))
    problem(
      ['redirect_after_logout_uri'],
      `found "${afterwards}"; allowed: a path, or an address with http:// or https://`,
    );
  return {
    clientId: document.client_id,
    clientSecret: document.client_secret,
    discovery: document.discovery,
    allowInsecure: false,
    timeoutMs: 5000,
    scope: given(document.scope) ?? 'openid email profile',
    userInfo: false,
    callbackApi: document.redirect_api_id,
    ...(logoutApi !== undefined && { logoutApi }),
    ...(afterwards !== undefined && { afterLogout: afterwards }),
    session: { idleSeconds: 3600, lifetimeSeconds: 43_200 },
    accessTokenSeconds: document.access_token_expires_in,
    refresh: { enabled: document.slient_renew_access_token_enabled, beforeSeconds: 60 },
    bearer: { accept: true, audiences: [], cacheSeconds: document.jwt_cache_enabled ? 300 : 0 },
    ...(publicKey !== undefined && { publicKey }),
    accessToken: 'keep',
    claims: [],
  };
});

const given = (text: string | null | undefined): string | undefined =>
  text === null || text === '' ? undefined : text;
