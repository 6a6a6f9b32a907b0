import { createHmac, randomBytes } from 'node:crypto';
import type { Log, Machine } from '#sdk';

/** How a worker reaches the others. */
export interface MachineLink {
  publish(topic: string, value: unknown): void;
  ask(topic: string, question: unknown): Promise<unknown>;
}

interface Topic {
  /** Undefined until something is published. */
  last?: { readonly value: unknown };
  readonly takers: Set<(value: unknown) => void>;
}

/** What a worker knows of its machine. Without a link it is the only one. */
export class MachineHub {
  readonly #key: Buffer;
  readonly #log: Log;
  readonly #link: MachineLink | null;
  readonly #topics = new Map<string, Topic>();
  readonly #answers = new Map<string, ((question: unknown) => unknown)[]>();
  readonly #waiting = new Set<() => void>();
  #isMain: boolean;

  constructor(
    log: Log,
    { key = randomBytes(32), link = null }: { key?: Buffer; link?: MachineLink | null } = {},
  ) {
    this.#log = log;
    this.#key = key;
    this.#link = link;
    this.#isMain = link === null;
  }

  /** The worker that was the main one has ended, and this one is it. */
  becomeMain(): void {
    this.#isMain = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const begin of waiting) this.#guarded(begin);
  }

  /** Another worker, or this one, published it. */
  received(name: string, value: unknown): void {
    const topic = this.#topic(name);
    // Nothing is what nobody has to be told who comes later.
    if (value === undefined) delete topic.last;
    else topic.last = { value };
    for (const take of topic.takers) this.#guarded(() => take(value));
  }

  /** Another worker, or this one, asks. Rejects when nothing answers. */
  async respond(topic: string, question: unknown): Promise<unknown> {
    const respond = this.#answers.get(topic)?.at(-1);
    if (respond === undefined) throw new Error('nothing answers that in the main worker');
    return respond(question);
  }

  /** What one plugin sees. */
  of(plugin: string): Machine {
    const own = (name: string): string => `${plugin}\0${name}`;
    const isMain = (): boolean => this.#isMain;
    return {
      get isMain() {
        return isMain();
      },
      whenMain: (begin) => this.#whenMain(begin),
      publish: (topic, value) => this.#publish(own(topic), value),
      subscribe: (topic, take) => this.#subscribe(own(topic), take),
      ask: (topic, question) => this.#ask(own(topic), question),
      answer: (topic, respond) => this.#answer(own(topic), respond),
      key: (purpose) => createHmac('sha256', this.#key).update(own(purpose)).digest(),
    };
  }

  #whenMain(begin: () => void): () => void {
    // A failure is then the caller's: it may be a problem of a configuration that is not in force yet.
    if (this.#isMain) begin();
    // One that begins twice is two.
    const once = (): void => begin();
    if (!this.#isMain) this.#waiting.add(once);
    return () => this.#waiting.delete(once);
  }

  #publish(topic: string, value: unknown): void {
    this.received(topic, value);
    this.#link?.publish(topic, value);
  }

  #subscribe(name: string, take: (value: unknown) => void): () => void {
    const topic = this.#topic(name);
    const own = (value: unknown): void => take(value);
    topic.takers.add(own);
    if (topic.last !== undefined) take(topic.last.value);
    return () => topic.takers.delete(own);
  }

  async #ask(topic: string, question: unknown): Promise<unknown> {
    if (this.#isMain || this.#link === null) return this.respond(topic, question);
    return this.#link.ask(topic, question);
  }

  #answer(topic: string, respond: (question: unknown) => unknown): () => void {
    const answers = this.#answers.get(topic) ?? [];
    this.#answers.set(topic, answers);
    answers.push(respond);
    return () => {
      const index = answers.indexOf(respond);
      if (index >= 0) answers.splice(index, 1);
    };
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name) ?? { takers: new Set() };
    this.#topics.set(name, topic);
    return topic;
  }

  /** Of several plugins one that fails must not keep the others from hearing. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log.error({ error: reason }, 'a plugin failed');
    }
  }
}
