import type { Values } from '#sdk';
import type { RedisLink } from '#sdk/redis';

/** Values in the store. There is no falling back: what another machine has seen, this one does not know. */
export class RedisValues implements Required<Values> {
  readonly #link: RedisLink;
  readonly #prefix: string;

  constructor(link: RedisLink, prefix: string) {
    this.#link = link;
    this.#prefix = `${prefix}value:`;
  }

  async claim(key: string, ttlMs: number): Promise<boolean> {
    const ms = Math.max(1, Math.ceil(ttlMs));
    if (!Number.isSafeInteger(ms)) throw new RangeError('a key is kept for a number of milliseconds');
    const kept = this.#keyOf(key);
    const answer = await this.#link.ask(`${kept}probe`, (client) => client.set(kept, '', 'PX', ms, 'NX'));
    return answer === 'OK';
  }

  async has(key: string): Promise<boolean> {
    const kept = this.#keyOf(key);
    return (await this.#link.ask(`${kept}probe`, (client) => client.exists(kept))) === 1;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const kept = this.#bytesKeyOf(key);
    return (await this.#link.ask(`${kept}probe`, (client) => client.getBuffer(kept))) ?? undefined;
  }

  async set(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    const kept = this.#bytesKeyOf(key);
    const ms = Math.ceil(ttlMs);
    if (!Number.isSafeInteger(ms)) throw new RangeError('a key is kept for a number of milliseconds');
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    await this.#link.ask(`${kept}probe`, (client): Promise<unknown> =>
      ms <= 0 ? client.del(kept) : client.set(kept, bytes, 'PX', ms),
    );
  }

  async delete(key: string): Promise<void> {
    const kept = this.#bytesKeyOf(key);
    await this.#link.ask(`${kept}probe`, (client) => client.del(kept));
  }

  // Apart from what is claimed: whoever can put bytes somewhere must not be able to take a claim away.
  #bytesKeyOf(key: string): string {
    return `${this.#prefix}bytes:{${key}}`;
  }

  // Braces, so that what is tried after a failure is on the same node of a Cluster.
  #keyOf(key: string): string {
    return `${this.#prefix}{${key}}`;
  }
}
