import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Identity, Values } from '#sdk';
import type { Claims } from './tokens.ts';
import type { Sealer } from './sealer.ts';

/** Somebody who signed in. */
export interface Session {
  readonly claims: Claims;
  readonly idToken: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Milliseconds of the clock. */
  readonly accessEndsAt: number;
  /** When it is to be refreshed, if it can be. */
  readonly refreshAt: number;
  readonly endsAt: number;
  /** How often it was refreshed. */
  readonly generation: number;
}

/** A session with where it is kept. */
export interface Found {
  readonly key: string;
  readonly session: Session;
  readonly identity: Identity;
}

/** Milliseconds. */
interface Times {
  /** A session ends when nothing was asked with it for so long. */
  readonly idle: number;
  /** Longer than a refresh may take: who holds it has an answer by then, or is gone. */
  readonly lease: number;
}

interface Opened {
  readonly sealed: Uint8Array;
  readonly found: Found;
}

/** Some kilobytes each. */
const maxOpened = 1000;
/** Between two looks at what another gateway makes of a refresh. */
const lookMs = 50;
const idForm = /^[A-Za-z0-9_-]{43}$/;

/** Sessions in the shared store, under the hash of an id that only the browser knows. Methods reject when the store is out of reach. */
export class Sessions {
  readonly #values: Required<Values>;
  readonly #clock: Clock;
  readonly #sealer: Sealer;
  readonly #scope: string;
  readonly #times: Times;
  readonly #opened = new Map<string, Opened>();

  constructor(values: Required<Values>, clock: Clock, sealer: Sealer, scope: string, times: Times) {
    this.#values = values;
    this.#clock = clock;
    this.#sealer = sealer;
    this.#scope = scope;
    this.#times = times;
  }

  /** Answers the id for the browser, which nobody knew before. */
  async create(session: Session): Promise<string> {
    const id = randomBytes(32).toString('base64url');
    const key = this.#keyOf(id);
    await this.#write(key, session);
    await this.#touch(key);
    return id;
  }

  async find(id: string | undefined): Promise<Found | undefined> {
    if (id === undefined || !idForm.test(id)) return undefined;
    const key = this.#keyOf(id);
    const [sealed, seen] = await Promise.all([this.#values.get(key), this.#values.get(seenAt(key))]);
    const found = seen === undefined ? undefined : this.#open(key, sealed);
    if (found === undefined) return undefined;
    // Not for every request: a write costs more than a look.
    const since = this.#clock.now() - Number(Buffer.from(seen ?? []).toString('latin1'));
    if (!(since < this.#times.idle / 10)) await this.#touch(key);
    return found;
  }

  /** Once it settles nobody is signed in by it, whoever refreshes it at the same time. */
  async end({ key }: Found): Promise<void> {
    // First: `replace` looks at it after it has written. No refresh that runs now takes that long.
    await this.#values.claim(ended(key), 2 * this.#times.lease);
    await this.#values.delete(key);
    await this.#values.delete(seenAt(key));
  }

  /** Whether it is up to us to refresh it: to one at a time of all gateways, for a provider takes a refresh token once. */
  lease({ key, session }: Found): boolean | Promise<boolean> {
    return this.#values.claim(`${key} refresh ${session.generation}`, this.#times.lease);
  }

  /** Undefined when it was ended meanwhile. */
  async replace({ key }: Found, session: Session): Promise<Found | undefined> {
    await this.#write(key, session);
    if (!(await this.#values.has(ended(key)))) return this.#found(key, session);
    await this.#values.delete(key);
    return undefined;
  }

  /** What became of a session that somebody else refreshes; as it is when that takes too long. Undefined when it ended. */
  async awaitNext({ key, session }: Found, longestMs: number): Promise<Found | undefined> {
    const until = performance.now() + longestMs;
    for (;;) {
      const found = this.#open(key, await this.#values.get(key));
      if (found === undefined || found.session.generation !== session.generation) return found;
      if (performance.now() >= until) return found;
      await sleep(lookMs);
    }
  }

  #open(key: string, sealed: Uint8Array | undefined): Found | undefined {
    if (sealed === undefined) return undefined;
    let opened = this.#opened.get(key);
    // The store says what there is; this only spares opening the same bytes for each request.
    if (opened === undefined || Buffer.compare(opened.sealed, sealed) !== 0) {
      const session = this.#sealer.open(sealed, key) as Session | undefined;
      if (session === undefined) return undefined;
      opened = { sealed, found: this.#found(key, session) };
      this.#keep(key, opened);
    }
    return opened.found.session.endsAt <= this.#clock.now() ? undefined : opened.found;
  }

  #keep(key: string, opened: Opened): void {
    this.#opened.delete(key);
    this.#opened.set(key, opened);
    if (this.#opened.size <= maxOpened) return;
    const [oldest = ''] = this.#opened.keys();
    this.#opened.delete(oldest);
  }

  #found(key: string, session: Session): Found {
    const { claims } = session;
    return { key, session, identity: { type: 'oidc', id: claims.sub, claims } };
  }

  #write(key: string, session: Session): void | Promise<void> {
    return this.#values.set(key, this.#sealer.seal(session, key), session.endsAt - this.#clock.now());
  }

  // Apart from the session: who writes both could put back tokens that were refreshed meanwhile.
  #touch(key: string): void | Promise<void> {
    return this.#values.set(seenAt(key), Buffer.from(String(this.#clock.now())), this.#times.idle);
  }

  #keyOf(id: string): string {
    return `${this.#scope} ${createHash('sha256').update(id).digest('base64url')}`;
  }
}

const seenAt = (key: string): string => `${key} seen`;
const ended = (key: string): string => `${key} ended`;
