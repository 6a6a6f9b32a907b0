import {
  type Exchange,
  type Hooks,
  type Kit,
  type Published,
  Routes,
  type ServiceToken,
  type SetupKit,
  defineNote,
  definePlugin,
  defineService,
  describeAllowed,
  offer,
} from '#sdk';
import { applyDefault } from './default-policy.ts';
import { fromAlibaba, fromHuawei } from './dialects.ts';
import { Config } from './options.ts';
import { Policies } from './policies.ts';
import { createPolicy } from './policy.ts';

/** What the bindings of one configuration have in common. */
interface Common {
  readonly policies: Policies;
  readonly kit: SetupKit;
}

const Shared: ServiceToken<Common> = defineService<Common>('cors-policies');

/** Set on a preflight that a policy answered: nothing is to be added to it. */
const answered = defineNote<true>('cors-preflight');

export default definePlugin({
  name: 'cors',
  summary: 'Lets web pages of other origins call an API and read its answers.',
  dialects: { 'alibaba/cors': fromAlibaba, 'huawei/cors': fromHuawei },
  config: Config,
  apiField: 'cors',
  offers: [Shared],
  kind: ({ allowOrigins }) => (allowOrigins === undefined ? '`cors: true`' : 'a CORS policy'),
  setup(_section, kit) {
    const policies = new Policies(kit.find(Routes));
    return {
      fallback: (request) => policies.answer(request),
      services: [offer(Shared, { policies, kit })],
    };
  },
  bind(config, kit) {
    const shared = kit.use(Shared);
    return config.allowOrigins === undefined
      ? bindDefault(config, kit, shared.policies)
      : bindPolicy(config, kit, shared);
  },
});

/** `cors: true`; where a policy is bound as well, that one holds. */
function bindDefault(config: Config, kit: Kit, policies: Policies): Hooks {
  for (const name of Object.keys(config))
    kit.problem([name], 'what is allowed, is allowed to origins; allowed together with `allowOrigins`');
  const place: Published = { api: kit.api, environment: kit.environment };
  return {
    ...preflights(kit, policies),
    // Refusals of the gateway too: a page that may not read them cannot say what went wrong.
    response(inbound) {
      if (!policies.has(place) && inbound.exchange.notes.get(answered) !== true) applyDefault(inbound);
      return undefined;
    },
    describe: () =>
      policies.has(place)
        ? ['not applied: a CORS policy is bound as well']
        : ['pages of any origin may read answers, unless the backend says something else'],
  };
}

function bindPolicy(config: Config, kit: Kit, { policies, kit: { published } }: Common): Hooks {
  const policy = createPolicy(config, kit);
  policies.add({ api: kit.api, environment: kit.environment }, policy);
  checkPlace(config, kit, published);
  return {
    ...preflights(kit, policies),
    response(inbound) {
      if (inbound.exchange.notes.get(answered) !== true) policy.apply(inbound);
      return undefined;
    },
    describe: () => inWords(config),
  };
}

/** An API that takes OPTIONS gets the preflights of its path, also those for APIs of other methods. */
function preflights({ api }: Kit, policies: Policies): Pick<Hooks, 'preAuth'> {
  const { method } = api.request;
  if (method !== 'OPTIONS' && method !== 'ANY') return {};
  return {
    preAuth(exchange: Exchange) {
      const reply = policies.answer(exchange);
      if (reply !== undefined) exchange.notes.set(answered, true);
      return reply;
    },
  };
}

function checkPlace(
  { allowMethods = [], mustAllowMethod }: Config,
  kit: Kit,
  published: readonly Published[],
): void {
  const { api, environment } = kit;
  const { method, path } = api.request;
  if (
    mustAllowMethod === true &&
    method !== 'ANY' &&
    !allowMethods.includes('*') &&
    !allowMethods.includes(method)
  ) {
    const hint = describeAllowed(allowMethods, method);
    kit.problem([], `the method of ${api.name} is ${method}, and not among those of the policy; ${hint}`);
  }
  const other = published.find(
    ({ api: { request, group, name }, environment: where }) =>
      where === environment &&
      group.name === api.group.name &&
      request.method === 'OPTIONS' &&
      request.path === path &&
      name !== api.name,
  );
  if (other === undefined) return;
  kit.problem(
    [],
    `${other.api.name} takes OPTIONS on the path of ${api.name}, where the gateway answers preflights itself; remove one of them`,
  );
}

function inWords(config: Config): readonly string[] {
  const { allowOrigins = [], allowMethods, allowHeaders, exposeHeaders, allowCredentials } = config;
  const credentials = allowCredentials === true && !allowOrigins.includes('*') ? ', with credentials' : '';
  const lines = [`pages of ${allowOrigins.join(', ')} may read answers${credentials}`];
  const list = (what: string, names: readonly string[] = []) => {
    if (names.length > 0) lines.push(`${what}: ${names.join(', ')}`);
  };
  list('they may use the methods', allowMethods);
  list('they may send the fields', allowHeaders);
  list('they may read the fields', exposeHeaders);
  return lines;
}
