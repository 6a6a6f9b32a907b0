import { randomUUID } from 'node:crypto';
import type { Log } from '#sdk';
import { Figures } from './figures.ts';
import { Flights } from './flights.ts';
import { MemoryStore } from './memory-store.ts';
import { defaults } from './options.ts';

/** What all caches of a gateway have in common. It outlives a reload. */
export class SharedMemory {
  readonly store = new MemoryStore(defaults.maxBytes);
  readonly flights = new Flights();
  readonly #figures = new Map<string, Figures>();
  readonly #worker = randomUUID();
  #told = 0;
  #heard = '';

  figuresOf(api: string, environment: string): Figures {
    const name = figuresName(api, environment);
    const figures = this.#figures.get(name) ?? new Figures();
    this.#figures.set(name, figures);
    return figures;
  }

  /** Names what is told to other workers; it is known here. */
  newId(): string {
    this.#told += 1;
    this.#heard = `${this.#worker} ${this.#told}`;
    return this.#heard;
  }

  /** Whether this is what was told or heard last; from now on it is. */
  isKnown(id: string): boolean {
    const isKnown = id === this.#heard;
    this.#heard = id;
    return isKnown;
  }

  /** By API and environment; those in force only. */
  figures(names: ReadonlySet<string>): Readonly<Record<string, Figures>> {
    return Object.fromEntries([...this.#figures].filter(([name]) => names.has(name)));
  }
}

export function figuresName(api: string, environment: string): string {
  return `${api} ${environment}`;
}

/** By gateway, whose log outlives a reload. */
const memories = new WeakMap<Log, SharedMemory>();

export function sharedMemory(log: Log): SharedMemory {
  const memory = memories.get(log) ?? new SharedMemory();
  memories.set(log, memory);
  return memory;
}
