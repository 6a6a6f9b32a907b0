import { randomBytes, scryptSync } from 'node:crypto';
import { type Answer, type TestGateway, VirtualClock, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

export interface BasicGateway extends TestGateway {
  /** Calls with a name and a password. */
  ask(name: string, password: string): Promise<Answer>;
  /** Calls with an `Authorization` as it stands. */
  send(authorization?: string | readonly string[]): Promise<Answer>;
}

export interface BasicTest {
  readonly config: Readonly<Record<string, unknown>>;
  readonly type?: string;
  readonly api?: Readonly<Record<string, unknown>>;
  readonly root?: Readonly<Record<string, unknown>>;
}

export async function gatewayOf(
  t: { after(work: () => Promise<void>): void },
  test: BasicTest,
): Promise<BasicGateway> {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const root = { throttling: { defaultPerSecond: 0 }, ...test.root };
  const gateway = await testPlugin(plugin, { ...test, clock, root });
  t.after(() => gateway.close());
  const send = (authorization?: string | readonly string[]) =>
    gateway.request('GET', '/', { headers: authorization === undefined ? {} : { authorization } });
  return { ...gateway, send, ask: (name, password) => send(basic(`${name}:${password}`)) };
}

export function basic(text: string | Uint8Array): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

/** A hash that is computed in a moment, as operators write it. */
export function hashOf(password: string, logCost = 10): string {
  const salt = randomBytes(16);
  const options = { cost: 2 ** logCost, blockSize: 8, parallelization: 1, maxmem: 2 ** 28 };
  const hash = scryptSync(password, salt, 32, options);
  const plain = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${logCost},r=8,p=1$${plain(salt)}$${plain(hash)}`;
}

export const missing = '401 Incorrect authentication information: a user name and a password are required.';
export const wrong = '401 Incorrect authentication information: the user name or the password is wrong.';

export function outcome(answer: Answer): string {
  return answer.status === 200
    ? '200'
    : `${answer.status} ${(answer.json() as { error_msg: string }).error_msg}`;
}
