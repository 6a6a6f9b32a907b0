import type { Machine, Values } from '#sdk';

const topic = 'values';

type Question =
  | { readonly get: string }
  | { readonly set: string; readonly value: string; readonly ttlMs: number }
  | { readonly delete: string };

/**
 * Values as all workers of a machine see them. Without a store that is shared, what is put somewhere stays with the worker that
 * put it there; so the main one has it for all, and a session is not one worker's. With such a store all find it there themselves.
 */
export class MachineValues implements Required<Values> {
  readonly #values: Required<Values>;
  readonly #machine: Machine;

  constructor(values: Required<Values>, machine: Machine) {
    this.#values = values;
    this.#machine = machine;
  }

  /** Answers the other workers while this one is the main one. Answers what ends that. */
  serve(): () => void {
    return this.#machine.answer(topic, (question) => this.#respond(question as Question));
  }

  // Workers share these.

  claim(key: string, ttlMs: number): boolean | Promise<boolean> {
    return this.#values.claim(key, ttlMs);
  }

  has(key: string): boolean | Promise<boolean> {
    return this.#values.has(key);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const own = await this.#values.get(key);
    if (own !== undefined || this.#machine.isMain) return own;
    const found = await this.#ask({ get: key });
    return typeof found === 'string' ? Buffer.from(found, 'base64') : undefined;
  }

  async set(key: string, value: Uint8Array, ttlMs: number): Promise<void> {
    if (this.#machine.isMain) await this.#values.set(key, value, ttlMs);
    else await this.#ask({ set: key, value: Buffer.from(value).toString('base64'), ttlMs });
  }

  async delete(key: string): Promise<void> {
    if (this.#machine.isMain) await this.#values.delete(key);
    else await this.#ask({ delete: key });
  }

  #ask(question: Question): Promise<unknown> {
    return this.#machine.ask(topic, question);
  }

  async #respond(question: Question): Promise<string | null> {
    if ('set' in question)
      await this.#values.set(question.set, Buffer.from(question.value, 'base64'), question.ttlMs);
    else if ('delete' in question) await this.#values.delete(question.delete);
    else {
      const found = await this.#values.get(question.get);
      return found === undefined ? null : Buffer.from(found).toString('base64');
    }
    return null;
  }
}
