import { type Reply, reply } from '#sdk';
import { type Answer, type MemoryBackend, type PluginTest, type TestGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** A gateway with a cache, and what its backend was asked. */
export interface Trial {
  readonly gateway: TestGateway;
  /** How often the backend was asked. */
  calls(): number;
  get(path?: string, headers?: Headers): Promise<Answer>;
}

/** Answers with the number of the call as content, and `made` as its fields; dated by the gateway's clock unless told. */
export function trial(
  made: Headers | MemoryBackend,
  config: Readonly<Record<string, unknown>> = {},
  more: Partial<PluginTest> = {},
): Promise<Trial> {
  return start(config, more, (calls, gateway) =>
    typeof made === 'function' ? made : () => numbered(calls(), made, gateway()),
  );
}

async function start(
  config: Readonly<Record<string, unknown>>,
  more: Partial<PluginTest>,
  backendOf: (calls: () => number, gateway: () => TestGateway) => MemoryBackend,
): Promise<Trial> {
  let gateway: TestGateway | undefined;
  const running = (): TestGateway => {
    if (gateway === undefined) throw new Error('the gateway does not run yet');
    return gateway;
  };
  const calls = (): number => running().backendRequests.length;
  // How fast a test runs must not decide what it is answered.
  const root = { throttling: { defaultPerSecond: 0 }, ...more.root };
  const backend: MemoryBackend = (request) => backendOf(calls, running)(request);
  gateway = await testPlugin(plugin, { config: { cacheStatus: 'T', ...config }, backend, ...more, root });
  const started = gateway;
  return {
    gateway: started,
    calls,
    get: (path = '/x', headers = {}) => started.request('GET', path, { headers }),
  };
}

function numbered(call: number, fields: Headers, { clock }: TestGateway): Reply {
  return reply(200, { date: httpDate(clock.now()), ...fields }, `call ${call}`);
}

export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** The call that a content tells of. */
export function callOf(answer: Answer): number {
  return Number(answer.text.replace('call ', ''));
}
