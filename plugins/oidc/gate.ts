import { type Exchange, type Identity, type Reply, defineNote, refuse } from '#sdk';
import { Bearers } from './bearers.ts';
import { cookieName, readCookie } from './cookies.ts';
import type { Party } from './party.ts';
import { isNavigation } from './place.ts';
import { refusalFor } from './refusal.ts';
import { Refresher } from './refresh.ts';
import { begin } from './sign-in.ts';
import { ProviderTrouble, Refused } from './trouble.ts';

/** What a caller was let in with. */
export interface Admitted {
  readonly identity: Identity;
  readonly accessToken: string;
  /** Undefined for a token that the caller sent. */
  readonly idToken: string | undefined;
}

export const admittedNote = defineNote<Admitted>('oidc');

const scheme = /^bearer +/i;

/** Lets in who has a session or a token; sends browsers to the provider. */
export class Gate {
  readonly #party: Party;
  readonly #refresher: Refresher;
  readonly #bearers: Bearers;
  readonly #names: Readonly<Record<'http' | 'https', string>>;

  constructor(party: Party) {
    const { config, tokens, surroundings, name } = party;
    this.#party = party;
    this.#refresher = new Refresher(party);
    this.#bearers = new Bearers(tokens, surroundings.clock, config.bearer.cacheSeconds);
    const isAlwaysSecure = config.origin?.startsWith('https:');
    this.#names = {
      http: cookieName(name, isAlwaysSecure ?? false),
      https: cookieName(name, isAlwaysSecure ?? true),
    };
  }

  async admit(exchange: Exchange): Promise<Reply | undefined> {
    try {
      return await (this.#byToken(exchange) ?? this.#bySession(exchange));
    } catch (error) {
      return refusalFor(error, 'oidc-token-failed', { 'www-authenticate': 'Bearer error="invalid_token"' });
    }
  }

  /** Undefined when the caller sends none. Who sends one is judged by it alone. */
  #byToken(exchange: Exchange): Promise<undefined> | undefined {
    if (!this.#party.config.bearer.accept) return undefined;
    const sent = exchange.headers.getAll('authorization');
    if (!sent.some((each) => scheme.test(each))) return undefined;
    const [only = '', ...others] = sent;
    if (others.length > 0) return Promise.reject(new Refused('there is more than one token'));
    const token = only.replace(scheme, '').trimEnd();
    return this.#bearers.identify(token).then((identity) => {
      letIn(exchange, { identity, accessToken: token, idToken: undefined });
      return undefined;
    });
  }

  async #bySession(exchange: Exchange): Promise<Reply | undefined> {
    const { sessions } = this.#party;
    const found = await sessions.find(readCookie(exchange.headers, this.#names[exchange.scheme]));
    const renewed = found && (await this.#refresher.renew(found));
    if (renewed instanceof ProviderTrouble) throw renewed;
    if (renewed !== undefined) {
      const { session, identity } = renewed;
      letIn(exchange, { identity, accessToken: session.accessToken, idToken: session.idToken });
      return undefined;
    }
    if (isNavigation(exchange)) return begin(this.#party, exchange);
    return refuse('oidc-token-failed', {
      message: 'Incorrect authentication information: sign in, or send a token.',
      headers: { 'cache-control': 'no-store', 'www-authenticate': 'Bearer' },
    });
  }
}

/** Who calls is what the first of several authenticators says; the claims are the token's. */
function letIn(exchange: Exchange, admitted: Admitted): void {
  const { identity } = admitted;
  const before = exchange.identity;
  exchange.notes.set(admittedNote, admitted);
  exchange.identity =
    before === null || before.type === 'anonymous' ? identity : { ...before, claims: identity.claims ?? {} };
}
