import {
  ClientSecretBasic,
  Configuration,
  type ServerMetadata,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  clockSkew,
  customFetch,
  discovery,
  fetchUserInfo,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import type { Clock } from '#sdk';
import { Cached } from './cached.ts';
import type { Fetch } from './fetch.ts';
import type { Config } from './options.ts';
import { ProviderTrouble, Refused, troubleIn, wordOf } from './trouble.ts';

/** What a provider gave for a code or a refresh token; nothing of it is verified but what the protocol says. */
export interface Granted {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly idToken: string | undefined;
  /** Seconds; undefined when the provider does not say. */
  readonly expiresIn: number | undefined;
}

/** What a sign-in is recognized by when the browser comes back. */
export interface Secrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

type Facts = Pick<
  Config,
  'clientId' | 'clientSecret' | 'discovery' | 'issuer' | 'allowInsecure' | 'timeoutMs' | 'scope'
>;

/** An identity provider, as one client sees it. All but `expectedIssuer` reject with ProviderTrouble or Refused. */
export class Provider {
  /** Undefined when the configuration does not tell it. */
  readonly expectedIssuer: string | undefined;
  readonly fetch: Fetch;
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #metadata: Cached<ServerMetadata>;

  constructor(facts: Facts, clock: Clock, fetch: Fetch) {
    this.#facts = facts;
    this.#clock = clock;
    this.expectedIssuer = issuerOf(facts);
    this.fetch = (url, init) => careful(fetch, url, init, facts.timeoutMs);
    this.#metadata = new Cached(clock, () => this.#discover());
  }

  /** What the provider publishes of itself; fetched when first needed, and again every hour. */
  metadata(): Promise<ServerMetadata> {
    return this.#metadata.get();
  }

  async authorizationUrl(redirectUri: string, { state, nonce, verifier }: Secrets): Promise<string> {
    return this.#do(async (client) => {
      const url = buildAuthorizationUrl(client, {
        redirect_uri: redirectUri,
        scope: this.#facts.scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return url.href;
    });
  }

  /**
   * Trades a code for tokens, after checking what came with it (state, issuer); checks the id token's claims and its nonce.
   * @param answer the address that the browser came back to, with the provider's parameters
   */
  exchange(answer: URL, { state, nonce, verifier }: Secrets): Promise<Granted> {
    return this.#do(async (client) => {
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      };
      return granted(await authorizationCodeGrant(client, answer, checks));
    });
  }

  refresh(refreshToken: string): Promise<Granted> {
    return this.#do(async (client) => granted(await refreshTokenGrant(client, refreshToken)));
  }

  userInfo(accessToken: string, subject: string): Promise<Readonly<Record<string, unknown>>> {
    return this.#do((client) => fetchUserInfo(client, accessToken, subject));
  }

  /** Undefined when the provider does not let clients sign out. */
  endSessionUrl(idToken: string, afterwards: string | undefined): Promise<string | undefined> {
    return this.#do((client, { end_session_endpoint: endpoint }) => {
      if (endpoint === undefined) return undefined;
      const back: Record<string, string> =
        afterwards === undefined ? {} : { post_logout_redirect_uri: afterwards };
      return buildEndSessionUrl(client, { id_token_hint: idToken, ...back }).href;
    });
  }

  /** Does nothing where the provider has nowhere to revoke tokens. */
  revoke(token: string): Promise<void> {
    return this.#do((client, { revocation_endpoint: endpoint }) =>
      endpoint === undefined ? undefined : tokenRevocation(client, token),
    );
  }

  async #do<T>(work: (client: Configuration, metadata: ServerMetadata) => T | Promise<T>): Promise<T> {
    const metadata = await this.metadata();
    const { clientId, clientSecret, timeoutMs } = this.#facts;
    // Made anew each time, which costs little beside a call: the time is an argument here.
    const skew = Math.round((this.#clock.now() - Date.now()) / 1000);
    const client = new Configuration(
      metadata,
      clientId,
      { [clockSkew]: skew },
      ClientSecretBasic(clientSecret),
    );
    client[customFetch] = this.fetch;
    client.timeout = timeoutMs / 1000;
    // What may be called was checked when it was discovered.
    allowInsecureRequests(client);
    try {
      return await work(client, metadata);
    } catch (error) {
      throw troubleIn(error) ?? new Refused(wordOf(error));
    }
  }

  async #discover(): Promise<ServerMetadata> {
    const { discovery: address, clientId, timeoutMs } = this.#facts;
    try {
      const client = await discovery(new URL(address), clientId, undefined, undefined, {
        execute: [allowInsecureRequests],
        [customFetch]: this.fetch,
        timeout: timeoutMs / 1000,
      });
      return this.#checked(client.serverMetadata());
    } catch (error) {
      throw troubleIn(error) ?? new ProviderTrouble(wordOf(error));
    }
  }

  #checked(metadata: ServerMetadata): ServerMetadata {
    const { issuer, authorization_endpoint, token_endpoint } = metadata;
    // Another's document would have codes for this client sent to somebody else (mix-up).
    if (withoutSlash(issuer) !== withoutSlash(this.expectedIssuer ?? issuer))
      throw new ProviderTrouble('the discovery document is that of another issuer');
    if (authorization_endpoint === undefined || token_endpoint === undefined)
      throw new ProviderTrouble('the discovery document lacks an endpoint');
    const { userinfo_endpoint, jwks_uri, end_session_endpoint, revocation_endpoint } = metadata;
    for (const endpoint of [
      authorization_endpoint,
      token_endpoint,
      userinfo_endpoint,
      jwks_uri,
      end_session_endpoint,
      revocation_endpoint,
    ])
      if (endpoint !== undefined && !isSecureEnough(endpoint, this.#facts.allowInsecure))
        throw new ProviderTrouble('the discovery document has an endpoint that is not HTTPS');
    return metadata;
  }
}

/** Whether what is sent there stays between the two: HTTPS, or this machine, unless the operator says otherwise. */
export function isSecureEnough(address: string, allowInsecure: boolean): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  if (protocol === 'https:') return true;
  return protocol === 'http:' && (allowInsecure || /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname));
}

const wellKnown = '/.well-known/openid-configuration';

/** OpenID Connect Discovery 1.0 section 4.3: the document of an issuer lies below it. */
function issuerOf({ issuer, discovery: address }: Facts): string | undefined {
  if (issuer !== undefined) return issuer;
  if (address.endsWith(wellKnown)) return address.slice(0, -wellKnown.length);
  return address.includes('/.well-known/') ? undefined : address;
}

/** Some call themselves with a slash at the end, which the address of the document does not show. */
export const withoutSlash = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text);

async function careful(
  fetch: Fetch,
  url: string,
  init: Parameters<Fetch>[1],
  timeoutMs: number,
): Promise<Response> {
  try {
    const answer = await fetch(url, { ...init, signal: init.signal ?? AbortSignal.timeout(timeoutMs) });
    const { status, headers } = answer;
    // The whole of it, so that one that breaks off is told from one that is wrong.
    const content = await answer.arrayBuffer();
    if (status < 500 && status !== 429)
      return new Response(content.byteLength === 0 ? null : content, { status, headers });
    throw new ProviderTrouble(`the provider answered ${status}`);
  } catch (error) {
    if (error instanceof ProviderTrouble) throw error;
    throw new ProviderTrouble(`the provider cannot be reached: ${wordOf(error)}`);
  }
}

interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly expires_in?: number;
}

function granted(answer: TokenAnswer): Granted {
  // One that is bound to a key is of no use to a backend as a bearer's.
  if (answer.token_type !== 'bearer') throw new Refused('the access token is no bearer token');
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    idToken: answer.id_token,
    expiresIn: answer.expires_in,
  };
}
