import type { Log } from '#sdk';

type Dispose = () => unknown;

/**
 * Sees to it that what several configurations have in common is disposed after the last of them, and what only earlier ones
 * have, after those. The file knows nothing of building, so that what it keeps alive is not all that building needed.
 */
export class Disposal {
  readonly #log: Log;
  /** Numbers of the configurations that are in use. */
  readonly #users = new Set<number>();
  readonly #waiting = new Map<object, readonly Dispose[]>();
  readonly #gone: { readonly last: number; readonly things: readonly object[] }[] = [];
  readonly #ends: Promise<unknown>[] = [];
  #dispose: (() => readonly Dispose[]) | null;
  #last = 0;

  /** @param dispose what else to run at the end */
  constructor(log: Log, dispose: () => readonly Dispose[]) {
    this.#log = log;
    this.#dispose = dispose;
  }

  /** To be run when nobody uses the thing any more. */
  add(thing: object, dispose: readonly Dispose[]): void {
    if (dispose.length > 0) this.#waiting.set(thing, [...(this.#waiting.get(thing) ?? []), ...dispose]);
  }

  /** One more configuration uses all that there is. Answers what to call when it is over; that settles when all is disposed. */
  use(): () => Promise<unknown> {
    this.#last += 1;
    const number = this.#last;
    this.#users.add(number);
    return () => {
      this.#users.delete(number);
      const oldest = Math.min(...this.#users);
      for (const each of this.#gone.filter(({ last }) => last < oldest)) {
        this.#gone.splice(this.#gone.indexOf(each), 1);
        this.drop(each.things);
      }
      if (this.#users.size > 0) return Promise.resolve();
      this.drop([...this.#waiting.keys()]);
      // Once: a change that was on its way while the gateway closed ends after all else.
      for (const dispose of this.#dispose?.() ?? []) this.#run(dispose);
      this.#dispose = null;
      return Promise.all(this.#ends);
    };
  }

  /** Only configurations before the newest use these. */
  retire(things: readonly object[]): void {
    this.#gone.push({ last: this.#last - 1, things });
  }

  /** Nobody uses these. */
  drop(things: readonly object[]): void {
    for (const thing of things) {
      const all = this.#waiting.get(thing) ?? [];
      this.#waiting.delete(thing);
      for (const dispose of all) this.#run(dispose);
    }
  }

  #run(dispose: Dispose): void {
    const failed = (error: unknown): void => {
      const reason = error instanceof Error ? error.stack : String(error);
      this.#log.error({ error: reason }, 'a plugin failed to dispose');
    };
    try {
      const result = dispose();
      if (result instanceof Promise) this.#ends.push(result.catch(failed));
    } catch (error) {
      failed(error);
    }
  }
}
