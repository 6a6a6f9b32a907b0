import { randomUUID } from 'node:crypto';
import type { Clock, Values } from '#sdk';
import type { Entry } from './entry.ts';
import { type Place, digest } from './key.ts';
import { type Scope, hostOf } from './scope.ts';
import type { Found, Store } from './store.ts';
import { readWritten, writeEntry, writeNames } from './wire.ts';

type Bytes = Required<Pick<Values, 'get' | 'set' | 'delete'>>;

/** How long a generation that is for all is believed before it is asked for again: as long as a purge may take. */
const believedMs = 1000;
/** Nothing is kept for longer, however long it is fresh. */
const mostMs = 7 * 86_400_000;
/** An answer that can be validated is worth keeping for a while after that. */
const validatableMs = 86_400_000;

const nothing: readonly Entry[] = [];

/**
 * Answers in the store that gateways share. Each belongs to a generation of all that is stored, of its API and of its path;
 * to forget is to begin another generation, so that nobody has to know what there is, and an answer that was asked for
 * before is not good after it. When the store is out of reach, nothing is found and nothing is kept.
 */
export class SharedStore implements Store {
  readonly #values: Bytes;
  readonly #clock: Clock;
  readonly #believed = new Map<string, { readonly generation: string; readonly until: number }>();

  constructor(values: Bytes, clock: Clock) {
    this.#values = values;
    this.#clock = clock;
  }

  async find(place: Place): Promise<Found> {
    try {
      const { environment, origin, path } = place;
      const [value, ...parts] = await Promise.all([
        this.#values.get(keyOf(place)),
        this.#believe('all'),
        this.#believe(apiKey(place.api, environment)),
        this.#generation(pathKey(environment, hostOf(origin), path)),
      ]);
      const mark = parts.join(' ');
      return { entries: await this.#entries(place, value, mark), mark };
    } catch {
      return { entries: nothing, mark: undefined };
    }
  }

  async put(place: Place, entry: Entry, mark: unknown): Promise<void> {
    if (typeof mark !== 'string') return;
    const { lifetimeMs, initialAgeMs, etag, lastModified, ...terms } = entry.terms;
    const staleMs = Math.max(terms.staleIfErrorMs, terms.staleIfUnreachableMs, terms.staleWhileRevalidateMs);
    const isValidatable = etag !== undefined || lastModified !== undefined;
    const keptMs =
      Math.max(0, lifetimeMs - initialAgeMs) + Math.max(staleMs, isValidatable ? validatableMs : 0);
    const ttlMs = Math.min(mostMs, keptMs);
    await this.#quietly(async () => {
      await this.#values.set(variantOf(place, entry), writeEntry(entry, mark), ttlMs);
      if (entry.varyNames.length > 0)
        await this.#values.set(keyOf(place), writeNames(entry.varyNames), mostMs);
    });
  }

  drop(place: Place, entry: Entry): Promise<void> {
    return this.#quietly(async () => this.#values.delete(variantOf(place, entry)));
  }

  invalidate({
    environment,
    host,
    path,
  }: Required<Pick<Scope, 'environment' | 'host' | 'path'>>): Promise<void> {
    return this.#quietly(() => this.#begin(pathKey(environment, host, path)));
  }

  /**
   * Forgets at least what is in the scope: a path, an API, or all. For the beginning of paths it is the whole API, or all.
   * Rejects when the store is out of reach.
   */
  async purge({ api, host, path }: Scope, environments: readonly string[]): Promise<void> {
    if (host !== undefined && path !== undefined)
      await Promise.all(environments.map((each) => this.#begin(pathKey(each, host, path))));
    else if (api !== undefined) await Promise.all(environments.map((each) => this.#begin(apiKey(api, each))));
    else await this.#begin('all');
    this.#believed.clear();
  }

  async #entries(place: Place, value: Uint8Array | undefined, mark: string): Promise<readonly Entry[]> {
    if (value === undefined) return nothing;
    const written = readWritten(value);
    if (written === undefined) return nothing;
    if ('entry' in written) return written.generation === mark ? [written.entry] : nothing;
    const selecting = place.selecting(written.varyNames);
    const variant = await this.#values.get(variantKey(place, written.varyNames, selecting));
    const found = variant === undefined ? undefined : readWritten(variant);
    return found !== undefined && 'entry' in found && found.generation === mark ? [found.entry] : nothing;
  }

  async #believe(name: string): Promise<string> {
    const now = this.#clock.now();
    const known = this.#believed.get(name);
    if (known !== undefined && known.until > now && known.until <= now + believedMs) return known.generation;
    const generation = await this.#generation(name);
    this.#believed.set(name, { generation, until: now + believedMs });
    return generation;
  }

  async #generation(name: string): Promise<string> {
    const value = await this.#values.get(`g:${name}`);
    return value === undefined ? '' : Buffer.from(value).toString();
  }

  /** It has to be remembered for longer than anything that was stored before it. */
  async #begin(name: string): Promise<void> {
    await this.#values.set(`g:${name}`, Buffer.from(randomUUID()), 2 * mostMs);
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      // The store's own log says that it is out of reach; what is not stored is asked for again.
    }
  }
}

function keyOf(place: Place): string {
  return `e:${digest(place.key)}`;
}

function variantOf(place: Place, { varyNames, selecting }: Entry): string {
  return varyNames.length === 0 ? keyOf(place) : variantKey(place, varyNames, selecting);
}

function variantKey(place: Place, varyNames: readonly string[], selecting: string): string {
  return `v:${digest(`${place.key}\n${varyNames.join()}\n${selecting}`)}`;
}

function apiKey(api: string, environment: string): string {
  return `api:${digest(`${environment}\n${api}`)}`;
}

function pathKey(environment: string, host: string, path: string): string {
  return `path:${digest(`${environment}\n${host}\n${path}`)}`;
}
