import { Matching, OneOf, Options, type Static, Type, defineDialect, describeAllowed } from '#sdk';
import { findContextName, systemNames } from '#sdk/mapping';
import type { Config } from './options.ts';

/** What both vendors have in common and RFC 9111 leaves open or has otherwise. */
const common: Pick<
  Config,
  | 'store'
  | 'maxAnswerBytes'
  | 'heuristic'
  | 'staleWhileRevalidateSeconds'
  | 'staleIfErrorSeconds'
  | 'staleIfUnreachableSeconds'
  | 'obeyStaleDirectives'
  | 'targetedFields'
  | 'storeSetCookie'
  | 'collapseTimeoutMs'
> = {
  store: 'memory',
  maxAnswerBytes: 1_048_576,
  heuristic: { percent: 0, maxSeconds: 0 },
  staleWhileRevalidateSeconds: 0,
  staleIfErrorSeconds: 0,
  staleIfUnreachableSeconds: 0,
  obeyStaleDirectives: false,
  targetedFields: [],
  storeSetCookie: false,
  collapseTimeoutMs: 5000,
};

const FieldName = Matching(
  "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]{1,64}$",
  'the name of a header field, at most 64 characters',
);
const AppId = Type.Union([Type.Integer({ minimum: 0 }), Type.String({ minLength: 1, maxLength: 100 })]);

type Problem = (path: readonly (string | number)[], message: string) => void;

const AlibabaDocument = Options({
  varyByApp: Type.Boolean({ default: false, description: 'Whether answers are kept for each app.' }),
  varyByParameters: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      maxItems: 100,
      description: 'Query parameters that tell answers apart; all of the query when absent.',
    }),
  ),
  varyByHeaders: Type.Optional(
    Type.Array(FieldName, { maxItems: 100, description: 'Request fields that tell answers apart.' }),
  ),
  clientCacheControl: Type.Optional(
    Options(
      {
        mode: OneOf(['off', 'all', 'app'], { default: 'off' }),
        apps: Type.Optional(
          Type.Array(AppId, { maxItems: 1000, description: 'Ids of apps, for `mode: app`.' }),
        ),
      },
      { description: 'Whose `Cache-Control` in requests is obeyed.' },
    ),
  ),
  cacheableHeaders: Type.Optional(
    Type.Array(FieldName, { maxItems: 100, description: 'Fields of the backend that are stored too.' }),
  ),
  duration: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 172_800,
      description: 'Seconds for which answers without `Cache-Control` are fresh.',
    }),
  ),
});

/** Alibaba's caching plug-in (doc 414361). */
export const alibaba = defineDialect(
  AlibabaDocument,
  (document: Static<typeof AlibabaDocument>, problem): Config => {
    const { varyByApp, varyByParameters, varyByHeaders = [], cacheableHeaders = [], duration } = document;
    const { mode, apps } = callers(document.clientCacheControl, 'app', problem);
    return {
      ...common,
      methods: ['GET'],
      key: {
        ...(varyByParameters === undefined ? {} : { query: [] }),
        parameters: varyByParameters ?? [],
        headers: varyByHeaders,
        context: [],
      },
      callers: varyByApp ? 'perApp' : 'apps',
      callerCacheControl: { mode, apps },
      lifetimes: duration === undefined ? [] : [{ seconds: duration, statuses: [...successes] }],
      storedFields: cacheableHeaders,
      hitField: { name: 'X-Ca-Caching', value: 'true' },
      onDebugDomain: false,
    };
  },
);

/** Failures are kept only when the backend says for how long: a moment's trouble would last for two days. */
const successes = [200, 203, 204, 300, 301, 308, 404, 410] as const;

interface ClientCacheControl {
  readonly mode: 'off' | 'all' | 'app' | 'apps';
  readonly apps?: readonly (string | number)[];
}

function callers(
  given: ClientCacheControl | undefined,
  byApp: 'app' | 'apps',
  problem: Problem,
  [section, field] = ['clientCacheControl', 'apps'],
): Config['callerCacheControl'] {
  const { mode, apps } = given ?? { mode: 'off' };
  if (mode === byApp && (apps === undefined || apps.length === 0))
    problem([section], `\`mode: ${byApp}\` needs "${field}", ids of apps`);
  if (mode !== byApp && apps !== undefined && apps.length > 0)
    problem([section, field], `allowed with \`mode: ${byApp}\` only`);
  return { mode: mode === 'app' ? 'apps' : mode, apps: (apps ?? []).map(String) };
}

const HuaweiDocument = Options({
  cache_key: Options(
    {
      system_params: Type.Optional(
        Type.Array(Matching('^(?:\\$context\\.)?[A-Za-z]+$', 'a system parameter such as $context.appId'), {
          maxItems: 20,
          description: 'Facts that the gateway knows, such as `$context.sourceIp`.',
        }),
      ),
      parameters: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
          maxItems: 100,
          description: 'Query parameters.',
        }),
      ),
      headers: Type.Optional(Type.Array(FieldName, { maxItems: 100, description: 'Request fields.' })),
    },
    { description: 'What tells answers apart; at least one.' },
  ),
  cache_http_status_and_ttl: Type.Optional(
    Type.Array(
      Options({
        http_status: Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), { minItems: 1 }),
        ttl: Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Seconds.' }),
      }),
      {
        minItems: 1,
        maxItems: 50,
        description: 'Statuses that are stored, and for how long without `Cache-Control`.',
      },
    ),
  ),
  client_cache_control: Type.Optional(
    Options(
      {
        mode: OneOf(['off', 'all', 'apps'], { default: 'off' }),
        datas: Type.Optional(
          Type.Array(AppId, { maxItems: 1000, description: 'Ids of apps, for `mode: apps`.' }),
        ),
      },
      { description: 'Whose `Cache-Control` in requests is obeyed.' },
    ),
  ),
  cacheable_headers: Type.Optional(
    Type.Array(FieldName, { maxItems: 20, description: 'Fields of the backend that are stored too.' }),
  ),
});

/** Huawei's response cache policy (apig_03_0111, ProxyCacheContent). */
export const huawei = defineDialect(
  HuaweiDocument,
  (document: Static<typeof HuaweiDocument>, problem): Config => {
    const { cache_key: key, cache_http_status_and_ttl: ttls, cacheable_headers: kept = [] } = document;
    const { system_params: facts = [], parameters = [], headers = [] } = key;
    if (facts.length + parameters.length + headers.length === 0)
      problem(['cache_key'], 'needs at least one entry in "system_params", "parameters" or "headers"');
    for (const [index, name] of facts.entries()) {
      const bare = name.replace('$context.', '');
      if (findContextName(bare, systemNames) === undefined)
        problem(
          ['cache_key', 'system_params', index],
          `found "${name}"; ${describeAllowed(systemNames, bare)}`,
        );
    }
    for (const [index, name] of kept.entries())
      if (/^x-apig-|^x-request-id$/i.test(name))
        problem(['cacheable_headers', index], `found "${name}"; the gateway sets it itself for each answer`);
    const { mode, datas } = document.client_cache_control ?? { mode: 'off' as const };
    const given = { mode, ...(datas === undefined ? {} : { apps: datas }) };
    return {
      ...common,
      methods: ['GET', 'HEAD'],
      key: {
        query: parameters,
        parameters: [],
        headers,
        context: facts.map((name) => name.replace('$context.', '')),
      },
      callers: facts.some((name) => /\bapp(?:id|name)$/i.test(name)) ? 'perApp' : 'apps',
      callerCacheControl: callers(given, 'apps', problem, ['client_cache_control', 'datas']),
      lifetimes: (ttls ?? []).map(({ http_status: statuses, ttl: seconds }) => ({ statuses, seconds })),
      ...(ttls === undefined ? {} : { onlyStatuses: ttls.flatMap(({ http_status: statuses }) => statuses) }),
      storedFields: kept,
      onDebugDomain: true,
    };
  },
);
