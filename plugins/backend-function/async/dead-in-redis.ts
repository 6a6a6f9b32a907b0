import { type RedisClient, type StorePlan, createClient, runScript } from '#sdk/redis';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import { baseOf } from './redis-queue.ts';
import { exhumeScript } from './redis-scripts.ts';

const fields = [
  'requestId',
  'function',
  'api',
  'environment',
  'attempts',
  'reason',
  'bytes',
  'acceptedAt',
  'deadAt',
] as const;
/** So many at a time: others want the server, too. */
const page = 100;
const connectTimeoutMs = 5000;

/** Those of a store that gateways use. */
export class DeadInRedis implements DeadLetters {
  readonly #client: RedisClient;
  readonly #base: string;

  /** @throws Error when it is out of reach */
  static async open(store: StorePlan, prefix: string): Promise<DeadInRedis> {
    const client = await createClient({ store, connectTimeoutMs });
    let reason: unknown;
    client.on('error', (error: unknown) => (reason = error));
    const timer = setTimeout(() => client.disconnect(), 2 * connectTimeoutMs);
    try {
      await client.connect();
      return new DeadInRedis(client, baseOf(prefix));
    } catch (error) {
      client.disconnect();
      throw reason ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(client: RedisClient, base: string) {
    this.#client = client;
    this.#base = base;
  }

  async *list(): AsyncIterable<DeadLetter> {
    // All at first: what dies or is dropped meanwhile would shift the pages.
    const ids = await this.#ids();
    for (let start = 0; start < ids.length; start += page) {
      const rows = await Promise.all(
        ids.slice(start, start + page).map(async (id) => ({
          id,
          values: await this.#client.hmget(this.#callOf(id), ...fields),
        })),
      );
      for (const { id, values } of rows) if (isDead(values)) yield toLetter(id, values);
    }
  }

  async show(id: number) {
    const [event, ...values] = await this.#client.hmget(this.#callOf(id), 'event', ...fields);
    if (typeof event !== 'string' || !isDead(values)) return undefined;
    return { ...toLetter(String(id), values), event };
  }

  requeue(id?: number): Promise<number> {
    return this.#exhume('requeue', id);
  }

  delete(id?: number): Promise<number> {
    return this.#exhume('delete', id);
  }

  close(): void {
    this.#client.disconnect();
  }

  async #exhume(what: 'requeue' | 'delete', one: number | undefined): Promise<number> {
    const ids = one === undefined ? await this.#ids() : [String(one)];
    let count = 0;
    for (let start = 0; start < ids.length; start += page) {
      const some = ids.slice(start, start + page);
      count += Number(await runScript(this.#client, exhumeScript, [this.#base], [what, ...some]));
    }
    return count;
  }

  #ids(): Promise<string[]> {
    return this.#client.zrange(`${this.#base}:dead`, '0', '-1');
  }

  #callOf(id: string | number): string {
    return `${this.#base}:call:${id}`;
  }
}

/** Whether it is one still: it may be gone since it was found. */
function isDead(values: readonly (string | null)[]): boolean {
  return typeof values.at(-1) === 'string';
}

function toLetter(id: string, values: readonly (string | null)[]): DeadLetter {
  const [requestId, name, api, environment, attempts, reason, bytes, acceptedAt, deadAt] = values.map(String);
  return {
    id: Number(id),
    requestId: String(requestId),
    function: String(name),
    api: String(api),
    environment: String(environment),
    attempts: Number(attempts),
    reason: String(reason),
    bytes: Number(bytes),
    acceptedAt: Number(acceptedAt),
    deadAt: Number(deadAt),
  };
}
