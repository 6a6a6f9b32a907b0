import { OneOf, Options, Secret, type Static, Type, defineDialect } from '#sdk';
import { type Config, FieldName } from './options.ts';
import { readJwks } from './read-keys.ts';

const ListItem = Options({
  claim: Type.String({ minLength: 1, maxLength: 256 }),
  value: Type.Union([Type.String({ maxLength: 1024 }), Type.Number(), Type.Boolean()]),
});

const Document = Options({
  jwks_service: Type.Optional(
    Options({
      uri: Type.String({ minLength: 1, maxLength: 2048 }),
      timeout: Type.Integer({ minimum: 1, maximum: 60_000, default: 5000 }),
      ttl: Type.Optional(Type.Integer({ minimum: 600, maximum: 86_400 })),
      custom_host: Type.Optional(Type.String({ maxLength: 260 })),
    }),
  ),
  jwks: Type.Optional(Secret({ minLength: 2 })),
  token_location: OneOf(['header', 'query', 'cookie'], { default: 'header' }),
  token_name: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
  token_prefix: Type.Optional(Type.String({ maxLength: 64 })),
  // The vendor's type is text, and its example a number.
  token_expiration_tolerance: Type.Union(
    [Type.String({ pattern: '^\\d{1,5}$' }), Type.Integer({ minimum: 0, maximum: 86_400 })],
    { default: 0 },
  ),
  token_pass_through_enabled: Type.Boolean({ default: false }),
  carry_payload: Type.Optional(
    Options({ enabled: Type.Boolean({ default: true }), header: Type.Optional(FieldName('')) }),
  ),
  missing_token_skip_auth_enabled: Type.Boolean({ default: false }),
  ignore_expiration_validation_enabled: Type.Boolean({ default: false }),
  claims_to_headers: Type.Array(
    Options({
      claim: Type.String({ minLength: 1, maxLength: 256 }),
      header: FieldName(''),
      is_override: Type.Boolean({ default: true }),
    }),
    { default: [], maxItems: 16 },
  ),
  blacklist: Type.Array(ListItem, { default: [], maxItems: 100 }),
  whitelist: Type.Array(ListItem, { default: [], maxItems: 100 }),
});

type Document = Static<typeof Document>;
type Report = (path: readonly (string | number)[], message: string) => void;

const longestTolerance = 86_400;

/** Huawei's JWT authentication plug-in (`apig_03_0135`). */
export const jwtAuth = defineDialect(Document, (document, problem): Config => {
  const { token_location: place, token_prefix: prefix, carry_payload: payload } = document;
  const toleranceSeconds = Number(document.token_expiration_tolerance);
  if (toleranceSeconds > longestTolerance)
    problem(
      ['token_expiration_tolerance'],
      `found "${toleranceSeconds}"; allowed: "0" to "${longestTolerance}"`,
    );
  if (place === 'cookie' && document.token_name === undefined)
    problem([], '"token_name" is missing; a cookie has no usual name');
  if (place !== 'header' && prefix !== undefined)
    problem(['token_prefix'], 'allowed only with the location header');
  if (payload?.enabled === true && payload.header === undefined)
    problem(['carry_payload'], '"header" is missing: the name of the field that carries the payload');
  return {
    token: {
      in: place,
      ...(document.token_name !== undefined && { name: document.token_name }),
      ...(prefix !== undefined && { prefix }),
      prefixRequired: true,
    },
    ...keysOf(document, problem),
    algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'],
    issuers: [],
    audiences: [],
    requiredClaims: [],
    allow: grouped(document.whitelist),
    deny: grouped(document.blacklist),
    toleranceSeconds,
    ignoreExpiration: document.ignore_expiration_validation_enabled,
    preventReplay: false,
    allowMissingToken: document.missing_token_skip_auth_enabled,
    forwardToken: document.token_pass_through_enabled,
    ...(payload?.enabled === true && payload.header !== undefined && { payloadHeader: payload.header }),
    claims: document.claims_to_headers.map(({ claim, header, is_override: isOverride }) => ({
      claim,
      name: header,
      in: 'header',
      append: !isOverride,
    })),
  };
});

/** Where both are given the service wins. */
function keysOf(
  { jwks_service: service, jwks }: Document,
  problem: Report,
): Pick<Config, 'service' | 'jwks'> {
  if (service !== undefined) {
    const { uri, timeout: timeoutMs, ttl: cacheSeconds, custom_host: host } = service;
    const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(uri) ? uri : `https://${uri}`;
    if (!URL.canParse(url) || !/^https?:/i.test(url))
      problem(['jwks_service', 'uri'], `found "${uri}"; allowed: http://host/path or https://host/path`);
    return {
      service: {
        url,
        timeoutMs,
        ...(cacheSeconds !== undefined && { cacheSeconds }),
        ...(host !== undefined && host !== '' && { host }),
      },
    };
  }
  if (jwks === undefined) {
    problem([], '"jwks_service" is missing; allowed instead: "jwks"');
    return {};
  }
  readJwks(jwks, (message) => problem(['jwks'], message));
  return { jwks };
}

/** Values of the same claim are alternatives. */
function grouped(list: Document['blacklist']): Config['deny'] {
  const byClaim = new Map<string, string[]>();
  for (const { claim, value } of list) {
    const values = byClaim.get(claim) ?? [];
    byClaim.set(claim, values);
    values.push(String(value));
  }
  return [...byClaim].map(([claim, values]) => ({ claim, values }));
}
