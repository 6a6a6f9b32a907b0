import { createHash } from 'node:crypto';
import type { Clock, Log, Values } from '#sdk';
import type { Fetch } from './fetch.ts';
import type { Config } from './options.ts';
import { type Granted, Provider } from './provider.ts';
import { Sealer } from './sealer.ts';
import { type Session, Sessions } from './sessions.ts';
import { type Claims, Tokens } from './tokens.ts';
import { ProviderTrouble, Refused } from './trouble.ts';

/** What a party needs of the gateway. */
export interface Surroundings {
  readonly values: Required<Values>;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch: Fetch;
}

/** Paths, for all who share a configuration. */
export interface Paths {
  readonly callback: string;
  readonly logout: string | undefined;
}

/** A client of a provider: one binding, for all the APIs it is bound to. */
export class Party {
  readonly config: Config;
  readonly paths: Paths;
  /** Of its cookies, and of what it keeps: the same after a reload, and on other gateways. */
  readonly name: string;
  readonly provider: Provider;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  /** Of sign-ins that are under way, in the browser. */
  readonly flowSealer: Sealer;
  readonly surroundings: Surroundings;

  /** @throws Error when `publicKey` is none */
  constructor(binding: string, config: Config, paths: Paths, surroundings: Surroundings) {
    const { values, clock, fetch } = surroundings;
    const { clientId, clientSecret, discovery, session, timeoutMs } = config;
    this.config = config;
    this.paths = paths;
    this.surroundings = surroundings;
    const facts = JSON.stringify([binding, discovery, clientId]);
    this.name = createHash('sha256').update(facts).digest('hex').slice(0, 12);
    this.provider = new Provider(config, clock, fetch);
    this.tokens = new Tokens(config, this.provider, clock);
    this.flowSealer = new Sealer(clientSecret, `flow ${facts}`);
    const sealer = new Sealer(clientSecret, `session ${facts}`);
    // A refresh may need the discovery document, tokens, keys and the userinfo.
    const times = { idle: session.idleSeconds * 1000, lease: 4 * timeoutMs + 1000 };
    this.sessions = new Sessions(values, clock, sealer, this.name, times);
  }

  /**
   * A new session of what was granted, or the next state of one that there is. Rejects with ProviderTrouble or Refused.
   */
  async sessionOf(granted: Granted, before?: Session): Promise<Session> {
    const { clock } = this.surroundings;
    const { accessTokenSeconds, refresh, session } = this.config;
    const { accessToken, expiresIn = accessTokenSeconds } = granted;
    const idToken = granted.idToken ?? before?.idToken;
    if (idToken === undefined) throw new Refused('there is no id token');
    const now = clock.now();
    return {
      claims: granted.idToken === undefined && before ? before.claims : await this.#claimsOf(granted, before),
      idToken,
      accessToken,
      refreshToken: granted.refreshToken ?? before?.refreshToken,
      accessEndsAt: now + expiresIn * 1000,
      // One that is good for less than that must not be refreshed with each request.
      refreshAt: now + Math.max(expiresIn - refresh.beforeSeconds, expiresIn / 2) * 1000,
      endsAt: before?.endsAt ?? now + session.lifetimeSeconds * 1000,
      generation: before === undefined ? 0 : before.generation + 1,
    };
  }

  async #claimsOf({ idToken = '', accessToken }: Granted, before: Session | undefined): Promise<Claims> {
    const claims = await this.tokens.identify(idToken, accessToken);
    // OpenID Connect Core 1.0 section 12.2: it stays the same person.
    if (before !== undefined && before.claims.sub !== claims.sub)
      throw new Refused('the refreshed id token is for somebody else');
    if (!this.config.userInfo) return claims;
    try {
      return { ...(await this.provider.userInfo(accessToken, claims.sub)), ...claims };
    } catch (error) {
      // A refresh token is good once: what came with it must not be lost over this.
      if (before === undefined || !(error instanceof ProviderTrouble)) throw error;
      return { ...before.claims, ...claims };
    }
  }
}
