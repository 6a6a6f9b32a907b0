import { type KeyObject, createPublicKey, createSecretKey } from 'node:crypto';
import { describeAllowed } from '#sdk';

/** A key, and what it may verify. One object stands for one key as long as it is in use: what is kept refers to it. */
export interface VerifyingKey {
  readonly kid: string | undefined;
  /** Fixed by the key, never by a token: what it is for is not the token's to say (RFC 8725 section 3.1). */
  readonly algorithms: ReadonlySet<string>;
  readonly key: KeyObject;
  /** Equal for equal keys. */
  readonly fingerprint: string;
}

const rsa = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
/** By the bytes that a secret must have at the least (RFC 7518 section 3.2). */
const hmac = { HS256: 32, HS384: 48, HS512: 64 } as const;
const edwards = ['EdDSA', 'Ed25519'];
const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};
const leastModulusBits = 2048;

/** Every algorithm that a key here may be for. */
export const allAlgorithms = [...rsa, ...Object.values(curves), ...edwards, ...Object.keys(hmac)];

/** A key that has come as JSON; nothing about it is certain. */
export type UnknownJwk = Readonly<Record<string, unknown>>;

/** Whether the key says that it is for something else than verifying signatures. */
export function isForOther({ use, key_ops: operations }: UnknownJwk): boolean {
  if (use !== undefined && use !== 'sig') return true;
  return Array.isArray(operations) && !operations.includes('verify');
}

/** Reads a key; says what is wrong with it otherwise, in words that hold nothing of it. */
export function readJwk(jwk: UnknownJwk): VerifyingKey | string {
  const { kty, kid, alg } = jwk;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return '"kid" must be a text';
  if (alg !== undefined && typeof alg !== 'string') return '"alg" must be a text';
  if (isForOther(jwk)) return 'it is not for verifying signatures ("use", "key_ops")';
  if (kty === 'oct') return readSecret(jwk, kid, alg);
  if (jwk['d'] !== undefined) return 'it is a private key; only the public one is needed here';
  try {
    return fromPublic(createPublicKey({ key: { ...jwk }, format: 'jwk' }), kid, alg);
  } catch {
    // Without the words of the parser, which may repeat what it read.
    return 'it is no key of the kty RSA, EC, OKP or oct';
  }
}

/** Reads a public key in PEM. */
export function readPem(
  pem: string,
  kid: string | undefined,
  alg: string | undefined,
): VerifyingKey | string {
  if (pem.includes('PRIVATE KEY')) return 'it is a private key; only the public one is needed here';
  try {
    return fromPublic(createPublicKey(pem), kid, alg);
  } catch {
    return 'it is no public key in PEM (-----BEGIN PUBLIC KEY-----)';
  }
}

function fromPublic(key: KeyObject, kid: string | undefined, alg: string | undefined): VerifyingKey | string {
  const all = algorithmsOf(key);
  return typeof all === 'string' ? all : only(key, all, kid, alg);
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly string[] | string {
  if (asymmetricKeyType === 'rsa') {
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < leastModulusBits ? `it has ${bits} bits; an RSA key needs ${leastModulusBits}` : rsa;
  }
  // RFC 9864 gives the second name to what the first has meant.
  if (asymmetricKeyType === 'ed25519') return edwards;
  const curve = asymmetricKeyType === 'ec' ? asymmetricKeyDetails?.namedCurve : undefined;
  const algorithm = curve === undefined ? undefined : curves[curve];
  return algorithm === undefined
    ? 'allowed are RSA, the curves P-256, P-384, P-521, and Ed25519'
    : [algorithm];
}

function readSecret(
  jwk: UnknownJwk,
  kid: string | undefined,
  alg: string | undefined,
): VerifyingKey | string {
  const { k } = jwk;
  if (typeof k !== 'string' || !/^[A-Za-z0-9_-]+$/.test(k)) return '"k" must be the secret in base64url';
  const secret = Buffer.from(k, 'base64url');
  const all = Object.entries(hmac).flatMap(([name, least]) => (secret.length >= least ? [name] : []));
  if (all.length === 0) return `its secret has ${secret.length} bytes; HS256 needs 32, HS384 48, HS512 64`;
  return only(createSecretKey(secret), all, kid, alg);
}

function only(
  key: KeyObject,
  all: readonly string[],
  kid: string | undefined,
  alg: string | undefined,
): VerifyingKey | string {
  if (alg !== undefined && !all.includes(alg)) return `it is not for "${alg}"; ${describeAllowed(all, alg)}`;
  const algorithms = alg === undefined ? all : [alg];
  const facts = key.export({ format: 'jwk' });
  return { kid, algorithms: new Set(algorithms), key, fingerprint: JSON.stringify([kid, algorithms, facts]) };
}
