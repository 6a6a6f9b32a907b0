import { type KeyObject, createHash, createPublicKey } from 'node:crypto';
import {
  type JWTHeaderParameters,
  type JWTPayload,
  type JWTVerifyGetKey,
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
} from 'jose';
import type { Clock } from '#sdk';
import type { Config } from './options.ts';
import { type Provider, withoutSlash } from './provider.ts';
import { ProviderTrouble, Refused, troubleIn, wordOf } from './trouble.ts';

/** Of key pairs alone: with a shared secret, or none, whoever verifies could sign. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const toleranceSeconds = 30;
/** Between two fetches of keys for a key that is not there. */
const cooldownMs = 10_000;

export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

/** Verifies what the provider signed. Methods reject with ProviderTrouble or Refused. */
export class Tokens {
  readonly #config: Config;
  readonly #provider: Provider;
  readonly #clock: Clock;
  readonly #own: KeyObject | undefined;
  #remote: { readonly uri: string; readonly keys: ReturnType<typeof createRemoteJWKSet> } | undefined;

  /** @throws Error when `publicKey` is none */
  constructor(config: Config, provider: Provider, clock: Clock) {
    this.#config = config;
    this.#provider = provider;
    this.#clock = clock;
    this.#own = config.publicKey === undefined ? undefined : createPublicKey(config.publicKey);
  }

  /**
   * The claims of an id token, after signature, issuer, audience and times; what belongs to the exchange, such as the
   * nonce, the protocol's library has checked.
   */
  async identify(idToken: string, accessToken: string): Promise<Claims> {
    const { payload, header } = await this.#verify(idToken, { audience: this.#config.clientId });
    const { at_hash: hash, azp } = payload;
    // The library asks for it where there are several audiences; where it is, it has to be this client (section 3.1.3.7).
    if (azp !== undefined && azp !== this.#config.clientId)
      throw new Refused('the id token is for another client');
    if (hash !== undefined && hash !== hashFor(header.alg, accessToken))
      throw new Refused('the id token is for another access token');
    return withSubject(payload);
  }

  /** The claims of a token that a caller sent. */
  async verifyBearer(token: string): Promise<Claims> {
    const { audiences } = this.#config.bearer;
    const { payload, header } = await this.#verify(
      token,
      audiences.length === 0 ? {} : { audience: audiences },
    );
    if (audiences.length === 0 && !this.#concerns(payload))
      throw new Refused('the token is for somebody else');
    const type = header.typ?.toLowerCase() ?? 'jwt';
    if (type !== 'jwt' && type !== 'at+jwt' && type !== 'application/at+jwt')
      throw new Refused('the token is not for signing in');
    // Whoever shows a token that is bound to a key has to prove that they have it (RFC 8705, RFC 9449).
    if (payload['cnf'] !== undefined) throw new Refused('the token is bound to a key');
    return withSubject(payload);
  }

  /** For this client, or issued to it (RFC 9068 section 2.2; `azp` where providers go by OpenID Connect). */
  #concerns({ aud, azp, client_id: client }: JWTPayload): boolean {
    const { clientId } = this.#config;
    return (
      (Array.isArray(aud) ? aud.includes(clientId) : aud === clientId) ||
      azp === clientId ||
      client === clientId
    );
  }

  async #verify(
    token: string,
    { audience }: { readonly audience?: string | string[] },
  ): Promise<{ readonly payload: JWTPayload; readonly header: JWTHeaderParameters }> {
    const issuer = this.#provider.expectedIssuer ?? (await this.#provider.metadata()).issuer;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#key, {
        algorithms,
        issuer: [withoutSlash(issuer), `${withoutSlash(issuer)}/`],
        ...(audience !== undefined && { audience }),
        requiredClaims: ['exp', 'sub'],
        clockTolerance: toleranceSeconds,
        currentDate: new Date(this.#clock.now()),
      });
      return { payload, header: protectedHeader };
    } catch (error) {
      throw troubleIn(error) ?? new Refused(wordOf(error));
    }
  }

  readonly #key: JWTVerifyGetKey = async (header, token) => {
    if (this.#own !== undefined) return this.#own;
    const keys = await this.#keys();
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
        throw error;
      // The last good ones while the provider is away.
      const last = keys.jwks();
      if (last === undefined) throw troubleIn(error) ?? new ProviderTrouble(wordOf(error));
      return createLocalJWKSet(last)(header, token);
    }
  };

  async #keys() {
    const { jwks_uri: uri } = await this.#provider.metadata();
    if (uri === undefined) throw new ProviderTrouble('the discovery document has no jwks_uri');
    if (this.#remote?.uri === uri) return this.#remote.keys;
    // Kept between requests, with the keys in it; fetched again for one that is not there, but not for each that somebody made up.
    const options = {
      [customFetch]: this.#provider.fetch,
      cooldownDuration: cooldownMs,
      timeoutDuration: this.#config.timeoutMs,
    };
    this.#remote = { uri, keys: createRemoteJWKSet(new URL(uri), options) };
    return this.#remote.keys;
  }
}

function withSubject(payload: JWTPayload): Claims {
  const { sub } = payload;
  if (typeof sub !== 'string' || sub === '') throw new Refused('the token does not say who it is about');
  return { ...payload, sub };
}

/** OpenID Connect Core 1.0 section 3.1.3.6: the left half of the hash that the signature uses. */
function hashFor(algorithm: string, accessToken: string): string {
  const bits = /(?:256|384|512)$/.exec(algorithm)?.[0] ?? '512';
  const hash = createHash(`sha${bits}`).update(accessToken, 'ascii').digest();
  return hash.subarray(0, hash.length / 2).toString('base64url');
}
