import { type KeyObject, createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { CompactSign } from 'jose';
import { type Answer, type RequestOptions, type TestGateway, VirtualClock, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

/** Both halves of a key, the half that verifies as a JWK. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
  /** The public half in PEM; of a secret nothing. */
  readonly pem: string;
}

/** Makes a key for an algorithm, with a name if it is to have one. */
export function makeKey(algorithm: string, kid?: string): TestKey {
  const name = kid === undefined ? {} : { kid };
  if (algorithm.startsWith('HS')) {
    const privateKey = createSecretKey(randomBytes(64));
    return { privateKey, jwk: { ...privateKey.export({ format: 'jwk' }), ...name }, pem: '' };
  }
  const { privateKey, publicKey } = pairFor(algorithm);
  const pem = publicKey.export({ format: 'pem', type: 'spki' });
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), ...name }, pem };
}

function pairFor(algorithm: string) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  const curve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm];
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** The time of the tests' clock, in seconds. */
export const now = 1_700_000_000;

/** A key for tests that need just one. */
export const lone = makeKey('ES256');

/** What most tokens say. */
export const usual = { iss: 'https://issuer', sub: 'alice', aud: 'shop', exp: now + 60 };

/** Signs claims, or whatever text stands in their place. */
export function sign(
  claims: object | string = usual,
  key: TestKey = lone,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(key.privateKey);
}

/** A token of any parts, signed by nobody. */
export function assemble(header: unknown, payload: unknown, signature = 'AAAA'): string {
  const part = (value: unknown): string =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.${signature}`;
}

export interface JwtGateway extends TestGateway {
  /** Sends a token as a bearer. */
  ask(token: string | undefined, options?: RequestOptions): Promise<Answer>;
}

export interface JwtTest {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly type?: string;
  readonly api?: Readonly<Record<string, unknown>>;
  readonly root?: Readonly<Record<string, unknown>>;
  readonly clock?: VirtualClock;
}

/** A gateway whose one API takes tokens of `lone`, unless the configuration says otherwise. */
export async function gatewayOf(
  t: { after(work: () => Promise<void>): void },
  { config = {}, type, ...test }: JwtTest = {},
): Promise<JwtGateway> {
  const isOwn = type !== undefined || ['keys', 'jwks', 'service'].some((name) => name in config);
  const gateway = await testPlugin(plugin, {
    config: isOwn ? config : { keys: [{ jwk: lone.jwk }], ...config },
    ...(type !== undefined && { type }),
    clock: new VirtualClock(now * 1000),
    ...test,
    root: { throttling: { defaultPerSecond: 0 }, ...test.root },
  });
  t.after(() => gateway.close());
  return {
    ...gateway,
    ask: (token, options = {}) =>
      gateway.request('GET', '/', {
        ...options,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...options.headers },
      }),
  };
}

/** `200`, or the status and what the refusal says behind the colon. */
export function outcome(answer: Answer): string {
  if (answer.status === 200) return '200';
  const { error_msg: message } = answer.json() as { error_msg: string };
  return `${answer.status} ${message.replace(/^.*?: /, '')}`;
}

/** What the backend got. */
export function echoed(answer: Answer): { url: string; headers: Record<string, string>; body: string } {
  return answer.json() as { url: string; headers: Record<string, string>; body: string };
}

export const notValid = '401 the token is not valid.';
export const none = '401 a token is required.';
