import { refuse, reply } from '#sdk';
import { type Answer, type MemoryBackend, type TestGateway, VirtualClock, testGateway } from '#sdk/testing';

/** The address of the server `a`, `b` and so on: names would be looked up. */
export function addressOf(name: string): string {
  return name.length === 1 ? `192.0.2.${name.charCodeAt(0)}` : name;
}

/** Servers in memory, `a:1`, `b:1` and so on, each of which answers with its own name unless it is down. */
export class Servers {
  readonly down = new Set<string>();
  /** Told of every request that reaches a server. */
  onRequest: (name: string) => void = () => undefined;
  readonly backends: Readonly<Record<string, MemoryBackend>>;

  constructor(...names: string[]) {
    const entries = names.map((name) => [
      `http://${addressOf(name)}:1`,
      (): ReturnType<MemoryBackend> => this.#answer(name),
    ]);
    this.backends = Object.fromEntries(entries) as Record<string, MemoryBackend>;
  }

  #answer(name: string) {
    this.onRequest(name);
    return this.down.has(name)
      ? refuse('backend-unavailable', { cause: 'ECONNREFUSED', isUnsent: true })
      : reply(200, {}, name);
  }
}

export interface ChannelTest {
  /** Its members' addresses are names such as `a`. */
  readonly channel: { readonly members?: readonly { readonly address: string }[] } & Readonly<
    Record<string, unknown>
  >;
  readonly backend?: Readonly<Record<string, unknown>>;
  readonly servers: Servers;
  readonly clock?: VirtualClock;
}

/** One API over the channel `pool`. */
export function configOf({ channel, backend = {} }: Omit<ChannelTest, 'servers'>) {
  const located = channel.members?.map((member) => ({ ...member, address: addressOf(member.address) }));
  return {
    groups: { g: { domains: ['*'] } },
    throttling: { defaultPerSecond: 0 },
    channels: { pool: { port: 1, ...channel, ...(located === undefined ? {} : { members: located }) } },
    apis: {
      'g/api': {
        request: { method: 'ANY', path: '/', match: 'prefix' },
        auth: 'none',
        backend: { type: 'http', channel: 'pool', ...backend },
      },
    },
  };
}

export function gatewayOf(test: ChannelTest): Promise<TestGateway> {
  const { servers, clock = new VirtualClock() } = test;
  return testGateway({ config: configOf(test), backends: servers.backends, clock });
}

/** Sends requests one after another; answers who served how many. */
export async function served(
  gateway: TestGateway,
  count: number,
  request: (index: number) => Promise<Answer> = () => gateway.request('GET', '/'),
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const answer = await request(index);
    const key = answer.status === 200 ? answer.text : `${answer.status} ${codeOf(answer)}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

export function codeOf(answer: Answer): string {
  return (answer.json() as { error_code: string }).error_code;
}

export const members = (...names: string[]) => names.map((address) => ({ address }));
