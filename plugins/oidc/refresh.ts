import type { Party } from './party.ts';
import type { Found } from './sessions.ts';
import { ProviderTrouble, Refused, wordOf } from './trouble.ts';

/** The session to go on with; undefined when whoever has it must sign in again; trouble when nobody can say. */
export type Renewed = Found | undefined | ProviderTrouble;

/** Keeps access tokens good: refreshes one before it expires, once for all requests and gateways. */
export class Refresher {
  readonly #party: Party;
  readonly #running = new Map<string, Promise<Renewed>>();

  constructor(party: Party) {
    this.#party = party;
  }

  /** Rejects when the store is out of reach. */
  renew(found: Found): Renewed | Promise<Renewed> {
    const { refresh } = this.#party.config;
    const { refreshAt, refreshToken } = found.session;
    if (!refresh.enabled || refreshToken === undefined) return this.#isGood(found) ? found : undefined;
    if (refreshAt > this.#party.surroundings.clock.now()) return found;
    const running = this.#running.get(found.key);
    if (running !== undefined) return running;
    const work = this.#refresh(found, refreshToken).finally(() => this.#running.delete(found.key));
    this.#running.set(found.key, work);
    return work;
  }

  async #refresh(found: Found, refreshToken: string): Promise<Renewed> {
    const { sessions, provider } = this.#party;
    if (!(await sessions.lease(found))) return this.#another(found);
    try {
      const granted = await provider.refresh(refreshToken);
      return await sessions.replace(found, await this.#party.sessionOf(granted, found.session));
    } catch (error) {
      return this.#failed(found, error);
    }
  }

  /** Somebody else is at it, or has failed at it a moment ago. */
  async #another(found: Found): Promise<Renewed> {
    if (this.#isGood(found)) return found;
    const next = await this.#party.sessions.awaitNext(found, this.#party.config.timeoutMs);
    if (next === undefined || this.#isGood(next)) return next;
    return new ProviderTrouble('the access token could not be refreshed');
  }

  async #failed(found: Found, error: unknown): Promise<Renewed> {
    const { sessions, surroundings } = this.#party;
    const { log } = surroundings;
    if (error instanceof ProviderTrouble) {
      log.warn({ error: wordOf(error) }, 'an access token could not be refreshed');
      // It serves until it expires, whatever the provider does.
      return this.#isGood(found) ? found : error;
    }
    if (!(error instanceof Refused)) throw error;
    log.info({ error: wordOf(error) }, 'a session ended: its access token was not refreshed');
    await sessions.end(found);
    return undefined;
  }

  #isGood({ session }: Found): boolean {
    return session.accessEndsAt > this.#party.surroundings.clock.now();
  }
}
