import { type DataSet, DataSets, type Identity, definePlugin, offer } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

/** Stands for an authenticator: the claims of the caller's token are what `x-claims` says, in JSON. */
const auth = definePlugin({
  name: 'auth-app',
  summary: 'Believes the caller.',
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        const claims = JSON.parse(exchange.headers.get('x-claims') ?? '{}') as Identity['claims'] & object;
        exchange.identity = { type: 'user', id: 'u', claims };
        return undefined;
      },
    },
  }),
});

/** Stands for the section `dataSets`: what is in the set `good` is what the test puts there. */
function setsOf(items: ReadonlySet<string>) {
  const set = (name: string, type: DataSet['type']): DataSet => ({
    name,
    type,
    has: (item) => items.has(item),
    items: () => [...items],
  });
  const sets = new Map([
    ['good', set('good', 'PARAMETER_ACCESS')],
    ['addresses', set('addresses', 'IP_WHITELIST_CIDR')],
  ]);
  return definePlugin({
    name: 'data-sets',
    summary: 'Data sets of a test.',
    offers: [DataSets],
    setup: () => ({
      services: [offer(DataSets, { names: [...sets.keys()], byName: (name) => sets.get(name) })],
    }),
  });
}

/** An API of orders, behind an authenticator, that the document is bound to. */
export function configOf(
  config: unknown,
  type = 'alibaba/accessControl',
  group: Readonly<Record<string, unknown>> = {},
) {
  return {
    groups: { shop: { domains: ['test'], ...group } },
    apis: {
      'shop/orders': {
        request: { method: 'ANY', path: '/users/{userId}' },
        auth: 'app',
        backend: { type: 'http', address: 'http://backend' },
      },
    },
    plugins: { rules: { type, config } },
    bindings: [{ plugin: 'rules', apis: ['shop/orders'] }],
  };
}

/** What the data set `good` holds is what the caller of this puts there. */
export function start(
  config: Readonly<Record<string, unknown>> | string,
  items: ReadonlySet<string> = new Set(),
): Promise<TestGateway> {
  return testGateway({ config, plugins: [auth, setsOf(items), plugin] });
}

/** A request for the orders of a user, by somebody with these claims. */
export function ask(
  gateway: TestGateway,
  path: string,
  claims: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
  body?: string,
) {
  return gateway.request(body === undefined ? 'GET' : 'POST', path, {
    headers: { 'x-claims': JSON.stringify(claims), ...headers },
    ...(body === undefined ? {} : { body }),
  });
}
