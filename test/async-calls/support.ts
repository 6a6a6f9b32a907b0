import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import type { NewCall } from '../../plugins/backend-function/async/queue.ts';
import { type RedisPlace, RedisQueue } from '../../plugins/backend-function/async/redis-queue.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

export const lots = 1e9;

/** Longer than a test takes on a busy machine, so that no lease runs out by itself. */
const longMs = 600_000;

/** A call of the function `f`. */
export function callOf(more: Partial<NewCall> = {}): NewCall {
  return {
    requestId: 'r',
    function: 'f',
    api: 'g/api',
    environment: 'RELEASE',
    timeoutMs: undefined,
    event: '{}',
    acceptedAt: Date.now(),
    ...more,
  };
}

/** A server that is gone after the test, and a client to look into it. */
export async function startStore(
  t: TestContext,
  args: readonly string[] = ['--appendonly', 'yes'],
): Promise<{ readonly server: RedisServer; readonly redis: Redis }> {
  const server = await startRedis(args);
  t.after(() => server[Symbol.asyncDispose]());
  const redis = new Redis(server.port);
  redis.on('error', () => undefined);
  t.after(() => redis.disconnect());
  return { server, redis };
}

export interface OpenedQueue {
  readonly queue: RedisQueue;
  readonly log: string[];
}

/** A gateway's queue in the server at a port of this machine. */
export function openQueue(t: TestContext, port: number, more: Partial<RedisPlace> = {}): OpenedQueue {
  const log: string[] = [];
  const note = (_fields: unknown, message: string): void => void log.push(message);
  const queue = new RedisQueue(
    {
      store: { kind: 'single', addresses: [{ host: '127.0.0.1', port }] },
      prefix: 'tapgate:',
      leaseMs: longMs,
      timeoutMs: 10_000,
      ...more,
    },
    { info: note, warn: note, error: note },
    { now: () => Date.now() },
  );
  t.after(() => queue.close());
  return { queue, log };
}

/** What is due now. */
export async function take(queue: RedisQueue, concurrency = 100, functions: readonly string[] = ['f']) {
  const { calls, nextDueAt } = await queue.take({ now: Date.now(), functions, concurrency });
  return { calls, names: calls.map(({ requestId }) => requestId), nextDueAt };
}
