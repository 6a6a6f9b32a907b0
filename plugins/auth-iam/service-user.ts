import type { Clock } from '#sdk';
import type { Ask } from './keystone-client.ts';
import type { IamSection } from './options.ts';

/** A token is renewed this long before it expires: it must still be good when Keystone reads it. */
const earlyMs = 60_000;

/** How long refused credentials are not tried again: Keystone locks users who fail often. */
const pauseMs = 10_000;

/** Who asks Keystone. Its token is got when it is needed, once for all who wait. */
export class ServiceUser {
  readonly #body: string;
  readonly #ask: Ask;
  readonly #clock: Clock;
  #current: { readonly token: string; readonly renewAt: number } | undefined;
  #getting: Promise<string | undefined> | undefined;
  #refusedUntil = -Infinity;

  constructor(options: NonNullable<IamSection['serviceUser']>, ask: Ask, clock: Clock) {
    const { name, password, project } = options;
    const domain = { name: options.domain };
    const identity = { methods: ['password'], password: { user: { name, domain, password } } };
    const scope = project === undefined ? {} : { scope: { project: { name: project, domain } } };
    this.#body = JSON.stringify({ auth: { identity, ...scope } });
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Undefined when Keystone refuses the credentials. Rejects when it does not answer. */
  async token(): Promise<string | undefined> {
    const now = this.#clock.now();
    if (this.#current !== undefined && this.#current.renewAt > now) return this.#current.token;
    if (this.#refusedUntil > now) return undefined;
    this.#getting ??= this.#get().finally(() => {
      this.#getting = undefined;
    });
    return this.#getting;
  }

  /** The token is good no more, whatever it says. */
  forget(token: string): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  async #get(): Promise<string | undefined> {
    const { status, subjectToken, token } = await this.#ask('POST', '', {}, this.#body);
    if (status >= 400) {
      this.#refusedUntil = this.#clock.now() + pauseMs;
      return undefined;
    }
    const expiresAt = Date.parse(String(token?.['expires_at']));
    if (subjectToken === undefined || Number.isNaN(expiresAt)) throw new Error('Keystone issued no token');
    this.#current = { token: subjectToken, renewAt: expiresAt - earlyMs };
    return subjectToken;
  }
}
