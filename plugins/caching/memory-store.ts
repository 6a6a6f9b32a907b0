import type { Entry } from './entry.ts';
import { Invalidations } from './invalidations.ts';
import type { StoredPlace } from './key.ts';
import { type Scope, isWithin } from './scope.ts';
import { type Found, type Store, withEntry } from './store.ts';

interface Slot {
  readonly place: StoredPlace;
  readonly entries: readonly Entry[];
  readonly bytes: number;
}

const nothing: readonly Entry[] = [];

/** What a place takes beside its entries: its key stands in two tables. */
const placeBytes = 300;

/** Answers in the memory of this process, for all bindings together; those asked for last, as many as fit. */
export class MemoryStore implements Store {
  /** The one that was used last is the last. */
  readonly #slots = new Map<string, Slot>();
  readonly #paths = new Map<string, Set<Slot>>();
  readonly #invalidations = new Invalidations();
  #maxBytes: number;
  #bytes = 0;
  evictions = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    let size = 0;
    for (const { entries } of this.#slots.values()) size += entries.length;
    return size;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#trim();
  }

  find({ key }: StoredPlace): Found {
    const slot = this.#slots.get(key);
    const mark = this.#invalidations.count;
    if (slot === undefined) return { entries: nothing, mark };
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return { entries: slot.entries, mark };
  }

  put(place: StoredPlace, entry: Entry, mark: unknown): void {
    if (this.#invalidations.hasSince(mark as number, place)) return;
    if (entry.bytes > this.#maxBytes) return;
    this.#set(place, withEntry(this.#slots.get(place.key)?.entries ?? nothing, entry));
    this.#trim();
  }

  drop(place: StoredPlace, entry: Entry): void {
    const slot = this.#slots.get(place.key);
    if (slot === undefined) return;
    this.#set(
      place,
      slot.entries.filter((each) => each !== entry),
    );
  }

  invalidate(scope: Required<Pick<Scope, 'environment' | 'host' | 'path'>>): void {
    this.#invalidations.add(scope);
    for (const slot of this.#paths.get(scope.path) ?? []) if (isWithin(slot.place, scope)) this.#forget(slot);
  }

  /** @returns how many answers were forgotten */
  purge(scope: Scope): number {
    this.#invalidations.add(scope);
    let count = 0;
    for (const slot of this.#slots.values()) {
      if (!isWithin(slot.place, scope)) continue;
      count += slot.entries.length;
      this.#forget(slot);
    }
    return count;
  }

  #set(place: StoredPlace, entries: readonly Entry[]): void {
    const before = this.#slots.get(place.key);
    if (before !== undefined) this.#forget(before);
    if (entries.length === 0) return;
    const bytes = entries.reduce((sum, each) => sum + each.bytes, placeBytes + place.key.length * 2);
    // Not the request's own: it would keep all that the request carries.
    const { api, environment, origin, path, key } = place;
    const slot: Slot = { place: { api, environment, origin, path, key }, entries, bytes };
    this.#slots.set(place.key, slot);
    this.#bytes += bytes;
    const there = this.#paths.get(place.path);
    if (there === undefined) this.#paths.set(place.path, new Set([slot]));
    else there.add(slot);
  }

  #forget(slot: Slot): void {
    const { place } = slot;
    if (!this.#slots.delete(place.key)) return;
    this.#bytes -= slot.bytes;
    const there = this.#paths.get(place.path);
    there?.delete(slot);
    if (there?.size === 0) this.#paths.delete(place.path);
  }

  #trim(): void {
    for (const oldest of this.#slots.values()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.evictions += oldest.entries.length;
      this.#forget(oldest);
    }
  }
}
