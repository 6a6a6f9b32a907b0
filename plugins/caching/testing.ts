import { type Reply, reply } from '#sdk';
import {
  type Answer,
  type MemoryBackend,
  type PluginTest,
  type TestGateway,
  VirtualClock,
  testPlugin,
} from '#sdk/testing';
import plugin from './plugin.ts';

type Headers = Readonly<Record<string, string | readonly string[]>>;

/** A gateway with a cache, and what its backend was asked. */
export interface Trial {
  readonly gateway: TestGateway;
  /** How often the backend was asked. */
  readonly calls: () => number;
  readonly get: (path?: string, headers?: Headers) => Promise<Answer>;
}

/** Answers with the number of the call as content, and `made` as its fields; dated by the gateway's clock unless told. */
export async function trial(
  made: Headers | MemoryBackend,
  config: Readonly<Record<string, unknown>> = {},
  more: Partial<PluginTest> = {},
): Promise<Trial> {
  const clock = more.clock ?? new VirtualClock();
  let count = 0;
  const gateway = await testPlugin(plugin, {
    config: { cacheStatus: 'T', ...config },
    ...more,
    clock,
    backend: (request) => {
      count += 1;
      return typeof made === 'function' ? made(request) : numbered(count, made, clock);
    },
    // How fast a test runs must not decide what it is answered.
    root: { throttling: { defaultPerSecond: 0 }, ...more.root },
  });
  return {
    gateway,
    calls: () => count,
    get: (path = '/x', headers = {}) => gateway.request('GET', path, { headers }),
  };
}

function numbered(call: number, fields: Headers, clock: VirtualClock): Reply {
  return reply(200, { date: httpDate(clock.now()), ...fields }, `call ${call}`);
}

export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** The call that a content tells of. */
export function callOf(answer: Answer): number {
  return Number(answer.text.replace('call ', ''));
}
