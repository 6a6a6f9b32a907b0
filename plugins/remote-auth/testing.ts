import { type Reply, reply } from '#sdk';
import { type BackendRequest, type TestGateway, VirtualClock, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

export const service = 'http://auth.internal:8080';

/** A gateway whose service answers what `answer` says; the API's backend tells what it got. */
export async function gated(
  config: object,
  answer: (request: BackendRequest) => Reply | Promise<Reply>,
  more: {
    readonly type?: string;
    readonly root?: Readonly<Record<string, unknown>>;
    readonly api?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<{ gateway: TestGateway; clock: VirtualClock; asked: BackendRequest[]; served: BackendRequest[] }> {
  const asked: BackendRequest[] = [];
  const served: BackendRequest[] = [];
  const clock = new VirtualClock(1_700_000_000_000);
  const gateway = await testPlugin(plugin, {
    config,
    clock,
    ...more,
    root: { throttling: { defaultPerSecond: 0 }, ...more.root },
    backend(request) {
      if (request.origin === 'http://backend') {
        served.push(request);
        return reply(200, {}, 'served');
      }
      asked.push(request);
      return answer(request);
    },
  });
  return { gateway, clock, asked, served };
}

/** Lets in who shows the token `good`. */
export const byToken = ({ headers }: BackendRequest): Reply =>
  headers.get('x-token') === 'good'
    ? reply(200, { 'x-user': 'alice', 'x-other': 'o' }, '{"ok":true}')
    : reply(403, { 'content-type': 'application/json', 'x-why': 'no token' }, '{"ok":false}');
