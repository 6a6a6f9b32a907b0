import { type PluginDefinition, type RefusalKind, Type, refuse, reply } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';

/** Refuses as the request's header fields say. */
const refuser: PluginDefinition = {
  name: 'refuser',
  summary: 'Refuses what asks for it.',
  config: Type.Object({}),
  bind: () => ({
    auth: {
      stage: 'authorize',
      handle(exchange) {
        const kind = exchange.headers.get('x-kind');
        if (kind === undefined) return undefined;
        exchange.identity = {
          type: 'app',
          id: 'a1',
          app: { id: 'app-id', name: 'mobile', key: 'k' },
          claims: { user: exchange.headers.get('x-user') ?? 'ann', level: 3, object: {} },
        };
        const message = exchange.headers.get('x-message');
        const status = exchange.headers.get('x-status');
        return refuse(kind as RefusalKind, {
          ...(message === undefined ? {} : { message: decodeURIComponent(message) }),
          ...(status === undefined ? {} : { status: Number(status) }),
          headers: { 'retry-after': '7' },
        });
      },
    },
  }),
};

/** A later binding that answers in `response` what the request asks for. */
const meddler: PluginDefinition = {
  name: 'meddler',
  summary: 'Changes answers.',
  config: Type.Object({}),
  bind: () => ({
    response(inbound) {
      const how = inbound.exchange.headers.get('x-meddle');
      if (how === 'refuse') return refuse('access-denied');
      if (how === 'reply') return reply(201, {}, 'replaced');
      if (how === 'throw') throw new Error('a defect');
      if (how === 'body') inbound.setBody('mine');
      if (how === 'message' && inbound.refusal !== undefined) {
        inbound.refusal = { ...inbound.refusal, message: 'told otherwise' };
        inbound.status = 280;
      }
      if (how === 'header') inbound.headers.set('content-type', 'text/plain');
      return undefined;
    },
  }),
};

export interface Shape {
  readonly responses?: Readonly<Record<string, unknown>>;
  /** What the API names. */
  readonly response?: unknown;
}

/** A group `g` with the responses, and an API at `/a/{x}` of the host `test` that refuses what asks for it. */
export function gatewayOf({ responses, response }: Shape): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['test', '*.below.test'], ...(responses === undefined ? {} : { responses }) } },
      apis: {
        'g/api': {
          ...(response === undefined ? {} : { response }),
          request: { method: 'GET', path: '/a/{x}' },
          auth: 'none',
          backend: { type: 'http', address: 'http://backend' },
        },
      },
      plugins: { r: { type: 'refuser' }, m: { type: 'meddler' } },
      bindings: [
        { plugin: 'r', apis: ['*'] },
        { plugin: 'm', apis: ['*'] },
      ],
    },
    plugins: [refuser, meddler],
  });
}

/** The problems of a configuration, as `path: message`, and where the first stands. */
export async function problemsOf(shape: Shape): Promise<string[]> {
  try {
    await gatewayOf(shape);
  } catch (error) {
    const { problems } = error as { problems: readonly { path: string; message: string }[] };
    return problems.map(({ path, message }) => `${path}: ${message}`);
  }
  throw new Error('the configuration was taken');
}
