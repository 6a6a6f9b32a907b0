import { type App, Apps, type Identity, definePlugin, offer } from '#sdk';
import { type TestGateway, type VirtualClock, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

/** Stands for the authenticators: the caller says who it is, and there is every app but those named `unknown...`. */
const auth = definePlugin({
  name: 'auth-app',
  summary: 'Believes the caller.',
  offers: [Apps],
  setup: () => ({
    services: [
      offer(Apps, {
        byKey: () => undefined,
        byName: (name) => (name.startsWith('unknown') ? undefined : app(name)),
      }),
    ],
  }),
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        exchange.identity = identityOf(exchange.headers.get('x-app'), exchange.headers.get('x-user'));
        return undefined;
      },
    },
  }),
});

function app(name: string): App {
  return { id: name, name, key: `${name}-key`, mayCall: () => true };
}

/** @param user `account/name`, or a name alone */
function identityOf(appName: string | undefined, user: string | undefined): Identity {
  const [account = '', name = account] = user?.split('/') ?? [];
  return {
    type: appName === undefined ? 'user' : 'app',
    id: appName ?? user ?? 'nobody',
    ...(appName === undefined ? {} : { app: { id: appName, name: appName, key: `${appName}-key` } }),
    ...(user === undefined ? {} : { user: { id: name, name, account: user.includes('/') ? account : '' } }),
  };
}

/** A policy that is bound to APIs `shop/one` and `shop/two`, published in RELEASE and TEST, unless told otherwise. */
export interface Setting {
  readonly config?: unknown;
  /** A dialect that the policy is written in. */
  readonly type?: string;
  readonly section?: unknown;
  readonly binding?: Readonly<Record<string, unknown>>;
  readonly clock?: VirtualClock;
  readonly auth?: 'app' | 'none';
}

/** The whole configuration of a setting. */
export function configOf(setting: Setting): Record<string, unknown> {
  const { config, type = 'throttling', section, binding, auth: kind = 'app' } = setting;
  const api = (path: string) => ({
    request: { method: 'ANY', path },
    environments: ['RELEASE', 'TEST'],
    auth: kind,
    backend: { type: 'mock', status: 200 },
  });
  return {
    environments: { TEST: {} },
    groups: { shop: { domains: ['test', 'www.abc.com'] } },
    apis: { 'shop/one': api('/one'), 'shop/two': api('/two') },
    ...(section === undefined ? {} : { throttling: section }),
    ...(config === undefined
      ? {}
      : {
          plugins: { policy: { type, config } },
          bindings: [{ plugin: 'policy', apis: ['shop/*'], ...binding }],
        }),
  };
}

/** Starts a gateway with the setting. */
export function start(setting: Setting): Promise<TestGateway> {
  const { clock } = setting;
  return testGateway({
    config: configOf(setting),
    plugins: [auth, plugin],
    ...(clock === undefined ? {} : { clock }),
  });
}

/** Who calls what. */
export interface Call {
  readonly path?: string;
  readonly app?: string;
  readonly user?: string;
  readonly ip?: string;
  readonly stage?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function call(
  gateway: TestGateway,
  { path = '/one', app: name, user, ip, stage, headers }: Call = {},
) {
  return gateway.request('GET', path, {
    headers: {
      ...(name === undefined ? {} : { 'x-app': name }),
      ...(user === undefined ? {} : { 'x-user': user }),
      ...(stage === undefined ? {} : { 'x-stage': stage }),
      ...headers,
    },
    ...(ip === undefined ? {} : { clientAddress: ip }),
  });
}

/** How many of `times` calls at once are let through; all others must be refused as throttled. */
export async function admitted(gateway: TestGateway, times: number, who: Call = {}): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, () => call(gateway, who)));
  const refused = answers.filter(({ status }) => status === 429).length;
  const passed = answers.filter(({ status }) => status === 200).length;
  if (refused + passed !== times)
    throw new Error(`answers: ${answers.map(({ status }) => status).join(' ')}`);
  return passed;
}
