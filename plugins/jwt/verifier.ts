import { hash } from 'node:crypto';
import type { Clock, Identity } from '#sdk';
import { compactVerify } from 'jose';
import { freeze } from './json.ts';
import type { KeySet } from './key-set.ts';
import type { VerifyingKey } from './keys.ts';
import { TokenCache } from './token-cache.ts';
import { readToken } from './token.ts';

/** Where the keys are from. */
export interface KeySource {
  /** Undefined until there are any. */
  readonly current: KeySet | undefined;
  /** Milliseconds of the clock when they came; absent when they are written in the configuration. */
  readonly fetchedAt?: number;
  /** Looks for a key that is not there. */
  lookAgain?(kid: string | undefined): Promise<KeySet | undefined>;
}

/** A token whose signature is right. Shared by the requests that bring it: nothing in it changes. */
export interface Verified {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly identity: Identity;
  readonly key: VerifyingKey;
  /** Of the token, in characters. */
  readonly length: number;
}

/** Why it is none, for the log. */
export interface Unaccepted {
  readonly cause: string;
  /** Whether that is for want of keys, and not for what the token is. */
  readonly isUnavailable?: boolean;
}

/** Verifies signatures with one source of keys, for all APIs that use it. */
export class Verifier {
  readonly source: KeySource;
  readonly #algorithms: ReadonlySet<string>;
  readonly #longestMs: number;
  readonly #clock: Clock;
  readonly #cache = new TokenCache();
  readonly #running = new Map<string, Promise<Verified | Unaccepted>>();

  /** @param longestMs how long keys count that cannot be fetched again */
  constructor(source: KeySource, algorithms: ReadonlySet<string>, longestMs: number, clock: Clock) {
    this.source = source;
    this.#algorithms = algorithms;
    this.#longestMs = longestMs;
    this.#clock = clock;
  }

  /** What is kept is answered at once. What a token says of its own validity is not looked at here. */
  verify(token: string): Verified | Unaccepted | Promise<Verified | Unaccepted> {
    const digest = hash('sha256', token, 'base64');
    const kept = this.#cache.get(digest);
    if (kept !== undefined) {
      if (this.#keys()?.has(kept.key) === true) return kept;
      this.#cache.delete(digest);
    }
    const running = this.#running.get(digest);
    if (running !== undefined) return running;
    const verified = this.#verify(token, digest).finally(() => this.#running.delete(digest));
    this.#running.set(digest, verified);
    return verified;
  }

  #keys(): KeySet | undefined {
    const { current, fetchedAt } = this.source;
    return fetchedAt === undefined || this.#clock.now() - fetchedAt < this.#longestMs ? current : undefined;
  }

  async #verify(token: string, digest: string): Promise<Verified | Unaccepted> {
    const read = readToken(token);
    if (typeof read === 'string') return { cause: read };
    const { algorithm, kid, claims } = read;
    if (!this.#algorithms.has(algorithm)) return { cause: 'the algorithm of the token is not allowed' };
    const key = await this.#select(kid);
    if (key === undefined) {
      const isUnavailable = this.#keys() === undefined;
      return { cause: isUnavailable ? 'there are no keys' : 'there is no key for the token', isUnavailable };
    }
    if (!key.algorithms.has(algorithm)) return { cause: 'the key is for another algorithm' };
    try {
      await compactVerify(token, key.key, { algorithms: [algorithm] });
    } catch {
      return { cause: 'the signature is wrong' };
    }
    const wrong = wrongClaim(claims);
    if (wrong !== undefined) return { cause: `the claim "${wrong}" is malformed` };
    const identity = freeze(identityOf(claims, digest));
    const verified = { claims: freeze(claims), identity, key, length: token.length };
    this.#cache.set(digest, verified);
    return verified;
  }

  async #select(kid: string | undefined): Promise<VerifyingKey | undefined> {
    const found = this.#keys()?.select(kid);
    if (found !== undefined || this.source.lookAgain === undefined) return found;
    await this.source.lookAgain(kid);
    return this.#keys()?.select(kid);
  }
}

/** A registered claim of the wrong type (RFC 7519 section 4.1). */
function wrongClaim(claims: Readonly<Record<string, unknown>>): string | undefined {
  // A thousand years from now in seconds is less than this; what is greater no clock and no store can count with.
  const isTime = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) < 1e11;
  for (const name of ['exp', 'nbf', 'iat'])
    if (Object.hasOwn(claims, name) && !isTime(claims[name])) return name;
  for (const name of ['iss', 'sub', 'jti'])
    if (Object.hasOwn(claims, name) && typeof claims[name] !== 'string') return name;
  return undefined;
}

/** Who calls is the subject; where a token names none, it stands for itself. */
function identityOf(claims: Readonly<Record<string, unknown>>, digest: string): Identity {
  const { sub } = claims;
  const id = typeof sub === 'string' && sub !== '' ? sub : `token:${digest.slice(0, 22)}`;
  return { type: 'user', id, user: { id, name: id, account: '' }, claims };
}
