import type { Machine } from '#sdk';
import type { Entry } from './entry.ts';
import type { StoredPlace } from './key.ts';
import type { MemoryStore } from './memory-store.ts';
import type { Scope } from './scope.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { Found, Store } from './store.ts';

const topic = 'invalidated';

type Changed = Required<Pick<Scope, 'environment' | 'host' | 'path'>>;

/** What a worker tells the others. */
interface Told {
  readonly id: string;
  readonly scopes: readonly Changed[];
}

/** The answers of this worker: what one worker lets a request change, all forget. */
export class WorkerStore implements Store {
  readonly #store: MemoryStore;
  readonly #memory: SharedMemory;
  readonly #machine: Machine;
  readonly #leave: () => void;
  #waiting: Changed[] = [];

  constructor(memory: SharedMemory, machine: Machine) {
    this.#store = memory.store;
    this.#memory = memory;
    this.#machine = machine;
    this.#leave = machine.subscribe(topic, (told) => this.#hear(told as Told));
  }

  find(place: StoredPlace): Found {
    return this.#store.find(place);
  }

  put(place: StoredPlace, entry: Entry, mark: unknown): void {
    this.#store.put(place, entry, mark);
  }

  drop(place: StoredPlace, entry: Entry): void {
    this.#store.drop(place, entry);
  }

  /** Here at once; what comes together is told together. */
  invalidate(scope: Changed): void {
    this.#store.invalidate(scope);
    this.#waiting.push(scope);
    if (this.#waiting.length === 1) setImmediate(() => this.#tell());
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  #tell(): void {
    const scopes = this.#waiting;
    this.#waiting = [];
    this.#machine.publish(topic, { id: this.#memory.newId(), scopes } satisfies Told);
  }

  #hear({ id, scopes }: Told): void {
    // The last one comes again to each configuration, and its own to the worker that told it.
    if (this.#memory.isKnown(id)) return;
    for (const scope of scopes) this.#store.invalidate(scope);
  }
}
