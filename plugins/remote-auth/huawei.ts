import { OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { RuleParameter } from '#sdk/expressions';
import type { Config, Identity } from './options.ts';

const Source = Type.Array(
  Options({ name: Type.String({ minLength: 1 }), essential: Type.Optional(Type.Boolean()) }),
  { maxItems: 10 },
);

const Document = Options({
  auth_request: Options({
    method: OneOf(['GET', 'POST', 'PUT', 'HEAD']),
    protocol: OneOf(['HTTP', 'HTTPS']),
    url_domain: Type.Optional(Type.String({ description: 'host:port' })),
    path: Type.String({ pattern: '^/', allowed: 'a path, which starts with /' }),
    timeout: Type.Integer({ minimum: 1, maximum: 60_000, default: 5000, description: 'Milliseconds.' }),
    vpc_channel_enabled: Type.Boolean({ default: false }),
    vpc_channel_info: Type.Optional(
      Type.Union([
        Type.Null(),
        Options({
          vpc_id: Type.Optional(Type.String({ description: 'The name of the channel.' })),
          vpc_proxy_host: Type.Optional(Type.String()),
        }),
      ]),
    ),
  }),
  identities: Type.Optional(
    Type.Union([
      Type.Null(),
      Options({
        headers: Type.Optional(Type.Union([Type.Null(), Source])),
        queries: Type.Optional(Type.Union([Type.Null(), Source])),
        query: Type.Optional(Type.Union([Type.Null(), Source])),
      }),
    ]),
  ),
  carry_body: Type.Optional(
    Type.Union([
      Type.Null(),
      Options({
        enabled: Type.Optional(Type.Boolean()),
        max_body_size: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 12_582_912, description: 'Bytes.' }),
        ),
      }),
    ]),
  ),
  carry_path_enabled: Type.Boolean({ default: false }),
  carry_resp_headers: Type.Array(Type.String({ minLength: 1 }), { maxItems: 10, default: [] }),
  return_resp_body_enabled: Type.Boolean({ default: false }),
  simple_auth_mode_enabled: Type.Boolean({ default: true }),
  match_auth: Type.Optional(
    Type.Union([Type.Null(), Options({ key: Type.String({ minLength: 1 }), value: Type.String() })]),
  ),
  rule_enabled: Type.Boolean({ default: false }),
  rule_type: OneOf(['allow', 'deny'], { default: 'allow' }),
  parameters: Type.Array(RuleParameter, { default: [] }),
  rules: Type.Array(
    Options({ rule_name: Type.String({ minLength: 1 }), match_regex: Type.String({ minLength: 1 }) }),
    { maxItems: 100, default: [] },
  ),
  custom_forbid_limit: Type.Optional(
    Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 100_000 })]),
  ),
  auth_downgrade_enabled: Type.Boolean({ default: false }),
});
type Document = Static<typeof Document>;

/** The third_auth plug-in of Huawei Cloud APIG. */
export const fromHuawei = defineDialect(Document, (document: Document, problem): Config => {
  const { auth_request: asked, carry_body: body, custom_forbid_limit: failures } = document;
  return {
    ...serviceOf(document, problem),
    path: asked.path,
    method: asked.method,
    timeoutMs: asked.timeout,
    identities: identitiesOf(document),
    ...(body?.enabled === true ? { body: { maxBytes: body.max_body_size ?? 1_048_576 } } : {}),
    originalPath: document.carry_path_enabled ? 'append' : 'none',
    parameters: {},
    ...successOf(document, problem),
    cacheSeconds: 0,
    forwardHeaders: document.carry_resp_headers,
    refusal: { headers: {}, passHeaders: [], passBody: document.return_resp_body_enabled },
    onOutage: document.auth_downgrade_enabled ? 'admit' : 'refuse',
    ...(failures === undefined || failures === null || failures === 0 ? {} : { block: { failures } }),
    ...rulesOf(document, problem),
  };
});

type Problem = (path: readonly (string | number)[], message: string) => void;

function serviceOf({ auth_request: asked }: Document, problem: Problem): Partial<Config> {
  const { protocol, url_domain: address, vpc_channel_enabled: isChannel, vpc_channel_info: info } = asked;
  const scheme = protocol === 'HTTPS' ? 'https' : 'http';
  if (!isChannel) {
    if (address === undefined || address === '') problem(['auth_request'], '"url_domain" is missing');
    return { address: `${scheme}://${address}` };
  }
  if (info?.vpc_id === undefined)
    problem(['auth_request', 'vpc_channel_info'], '"vpc_id" is missing, which names the channel');
  const host = info?.vpc_proxy_host;
  return {
    channel: info?.vpc_id ?? '',
    scheme,
    ...(host === undefined || host === '' ? {} : { hostHeader: host }),
  };
}

function identitiesOf({ identities }: Document): Identity[] {
  const { headers, queries, query } = identities ?? {};
  const of = (place: 'header' | 'query', sources: typeof headers): Identity[] =>
    (sources ?? []).map(({ name, essential }) => ({ in: place, name, required: essential === true }));
  return [...of('header', headers), ...of('query', queries), ...of('query', query)];
}

function successOf(document: Document, problem: Problem): Partial<Config> {
  const { simple_auth_mode_enabled: isSimple, match_auth: match } = document;
  if (isSimple) return {};
  if (match !== undefined && match !== null)
    return { success: { header: { name: match.key, value: match.value } } };
  problem([], '"match_auth" is missing: with simple_auth_mode_enabled false it says who is let through');
  return {};
}

function rulesOf(document: Document, problem: Problem): Partial<Config> {
  const { rule_enabled: isOn, rule_type: type, parameters, rules } = document;
  if (!isOn) return {};
  if (rules.length === 0) {
    problem(['rules'], 'found no rule; allowed: 1 to 100, or rule_enabled false');
    return {};
  }
  return {
    only: {
      mode: type === 'allow' ? 'skip' : 'ask',
      parameters,
      rules: rules.map(({ rule_name: name, match_regex: when }) => ({ name, when })),
    },
  };
}
