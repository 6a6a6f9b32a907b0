import { type Identity, definePlugin } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

/** Stands for an authenticator: an account is what `x-account` says; without it the caller is an app of nobody. */
const auth = definePlugin({
  name: 'auth-test',
  summary: 'Believes the caller.',
  bind: () => ({
    auth: {
      stage: 'authenticate',
      handle(exchange) {
        const account = exchange.headers.get('x-account');
        const app = { id: 'mobile', name: 'mobile', key: 'mobile-key' };
        const identity: Identity =
          account === undefined
            ? { type: 'app', id: 'mobile', app }
            : { type: 'user', id: 'alice', user: { id: 'alice', name: 'alice', account } };
        exchange.identity = identity;
        return undefined;
      },
    },
  }),
});

/** Policies bound to `shop/admin` in RELEASE; it is published in TEST too. */
export function start(policies: readonly unknown[], kind = 'test'): Promise<TestGateway> {
  return testGateway({
    plugins: [auth, plugin],
    config: {
      environments: { TEST: {} },
      groups: { shop: { domains: ['test'] } },
      apis: {
        'shop/admin': {
          request: { method: 'GET', path: '/admin' },
          environments: ['RELEASE', 'TEST'],
          auth: kind,
          backend: { type: 'mock' },
        },
      },
      plugins: Object.fromEntries(
        policies.map((config, index) => [`policy-${index}`, { type: 'access-control', config }]),
      ),
      bindings: policies.map((_, index) => ({
        plugin: `policy-${index}`,
        apis: ['shop/admin'],
        environments: ['RELEASE'],
      })),
    },
  });
}

export interface Caller {
  readonly ip?: string;
  readonly account?: string;
  readonly forwardedFor?: string | readonly string[];
  readonly stage?: string;
}

/** `200`, or the status and code of the refusal. */
export async function outcome(
  gateway: TestGateway,
  { ip, account, forwardedFor, stage }: Caller,
): Promise<string> {
  const answer = await gateway.request('GET', '/admin', {
    headers: {
      ...(account === undefined ? {} : { 'x-account': account }),
      ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }),
      ...(stage === undefined ? {} : { 'x-stage': stage }),
    },
    ...(ip === undefined ? {} : { clientAddress: ip }),
  });
  return answer.status === 200
    ? '200'
    : `${answer.status} ${(answer.json() as { error_code: string }).error_code}`;
}

export const noIp = '403 APIG.0402';
export const noAccount = '403 APIG.0302';
export const unknown = '403 APIG.0401';
