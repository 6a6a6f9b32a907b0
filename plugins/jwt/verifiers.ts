import { hash } from 'node:crypto';
import { type ServiceToken, type SetupKit, defineService } from '#sdk';
import { type KeyService, fetchKeys } from './fetch-keys.ts';
import type { KeySet } from './key-set.ts';
import { RemoteKeys } from './remote-keys.ts';
import { Verifier } from './verifier.ts';

interface Entry {
  readonly verifier: Verifier;
  readonly remote: RemoteKeys | undefined;
  users: number;
}

/** By gateway, whose log outlives a reload, and by what verifies. */
const entries = new WeakMap<object, Map<string, Entry>>();

/** What decides whether a signature counts. */
export interface Verification {
  readonly keys: KeySet | KeyService;
  /** Names the keys, where they are written in the configuration. */
  readonly facts: unknown;
  readonly algorithms: readonly string[];
  readonly cacheSeconds: number | undefined;
}

/** The verifiers of one configuration. The next one gets the same where keys and algorithms are the same. */
export class Verifiers {
  readonly #kit: SetupKit;
  readonly #held = new Map<string, Entry>();
  readonly #all: Map<string, Entry>;

  constructor(kit: SetupKit) {
    this.#kit = kit;
    this.#all = entries.get(kit.log) ?? new Map<string, Entry>();
    entries.set(kit.log, this.#all);
  }

  of({ keys, facts, algorithms, cacheSeconds }: Verification): Verifier {
    // A hash, as keys may be secret.
    const name = hash('sha256', JSON.stringify([facts, algorithms.toSorted(), cacheSeconds]), 'base64');
    const held = this.#held.get(name);
    if (held !== undefined) return held.verifier;
    const entry = this.#all.get(name) ?? this.#create(keys, algorithms, cacheSeconds);
    this.#all.set(name, entry);
    this.#held.set(name, entry);
    entry.users += 1;
    return entry.verifier;
  }

  /** Begins to fetch keys. */
  start(): void {
    for (const { remote } of this.#held.values()) remote?.start();
  }

  release(): void {
    for (const [name, entry] of this.#held) {
      entry.users -= 1;
      if (entry.users > 0) continue;
      this.#all.delete(name);
      entry.remote?.[Symbol.dispose]();
    }
    this.#held.clear();
  }

  #create(keys: KeySet | KeyService, algorithms: readonly string[], cacheSeconds: number | undefined): Entry {
    const { clock, log } = this.#kit;
    const remote = 'url' in keys ? new RemoteKeys(keys, fetchKeys, clock, log) : undefined;
    const source = 'url' in keys ? (remote as RemoteKeys) : { current: keys };
    const longestMs = (cacheSeconds ?? Infinity) * 1000;
    return { verifier: new Verifier(source, new Set(algorithms), longestMs, clock), remote, users: 0 };
  }
}

/** How `bind` gets what `setup` made. */
export const Own: ServiceToken<Verifiers> = defineService<Verifiers>('jwt-verifiers');
