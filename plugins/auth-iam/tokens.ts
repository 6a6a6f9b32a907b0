import { type KeyObject, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { type Clock, type Reply, type Values, refuse } from '#sdk';
import { hmacHex, isSameText } from '#sdk/signatures/hmac';
import type { Directory, User } from './accounts.ts';
import { badToken } from './refused.ts';

/** What a token was asked for; the account's own projects are whatever the caller calls them. */
export type Scope =
  | { readonly project: { readonly id: string; readonly name: string } }
  | 'domain'
  | undefined;

/** What a token says. Times in milliseconds. */
export interface Claims {
  readonly id: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly scope: Scope;
}

/** A token that is good. */
export interface Verified {
  readonly user: User;
  readonly claims: Claims;
}

interface Content extends Claims {
  readonly account: string;
  readonly user: string;
}

const form = /^tg1\.([\w-]{1,2048})\.([0-9a-f]{64})$/;

// A user who is gone takes the way of one who is there.
const decoy = createSecretKey(randomBytes(32));

/**
 * Tokens that say themselves whom they stand for, signed with a key of the user's: made of the gateway's key, the user
 * and the password, so that whoever is renamed, deleted or gets another password loses its tokens. Nothing is stored but
 * what was revoked.
 */
export class Tokens {
  readonly #directory: Directory;
  readonly #keys = new Map<User, KeyObject>();
  readonly #clock: Clock;
  readonly #values: Required<Values>;
  readonly #lifeMs: number;

  constructor(
    directory: Directory,
    key: string | Uint8Array,
    { clock, values, seconds }: { clock: Clock; values: Required<Values>; seconds: number },
  ) {
    this.#directory = directory;
    this.#clock = clock;
    this.#values = values;
    this.#lifeMs = seconds * 1000;
    for (const user of directory.users) {
      if (user.password === undefined) continue;
      const own = createHmac('sha256', key).update(
        JSON.stringify([user.account, user.name, user.id, user.password]),
      );
      this.#keys.set(user, createSecretKey(own.digest()));
    }
  }

  /** @throws Error when the user has no password */
  issue(user: User, scope: Scope): { readonly token: string; readonly claims: Claims } {
    const key = this.#keys.get(user);
    if (key === undefined) throw new Error('a user without a password has no tokens');
    const issuedAt = this.#clock.now();
    const id = randomBytes(16).toString('base64url');
    const claims: Claims = { id, issuedAt, expiresAt: issuedAt + this.#lifeMs, scope };
    const content: Content = { ...claims, account: user.account, user: user.name };
    const text = Buffer.from(JSON.stringify(content)).toString('base64url');
    return { token: `tg1.${text}.${hmacHex('sha256', key, text)}`, claims };
  }

  /** Whom a token stands for, or why it is refused. */
  verify(token: string): Verified | Reply | Promise<Verified | Reply> {
    const [, text = '', signature = ''] = form.exec(token) ?? [];
    const content = text === '' ? undefined : readContent(text);
    if (content === undefined) return badToken('no token of this gateway');
    const user = this.#directory.byName(content.account, content.user);
    const key = user === undefined ? undefined : this.#keys.get(user);
    const isGenuine = isSameText(hmacHex('sha256', key ?? decoy, text), signature);
    if (user === undefined || key === undefined || !isGenuine)
      return badToken('the token is signed with no key of its user');
    if (content.expiresAt <= this.#clock.now()) return refuse('iam-token-expired');
    const verified: Verified = { user, claims: content };
    const decide = (isRevoked: boolean): Verified | Reply =>
      isRevoked ? badToken('the token is revoked') : verified;
    return ask(() => this.#values.has(revokedKey(content)), decide);
  }

  /** Makes a token good no more. Answers a refusal when that cannot be kept. */
  revoke({ claims }: Verified): Reply | undefined | Promise<Reply | undefined> {
    return ask(
      () => this.#values.claim(revokedKey(claims), claims.expiresAt - this.#clock.now() + 1),
      () => undefined,
    );
  }
}

function revokedKey({ id }: Claims): string {
  return `revoked ${id}`;
}

/** Asks the shared store; one out of reach refuses. */
export function ask<T, R>(
  question: () => T | Promise<T>,
  then: (answer: T) => R,
): R | Reply | Promise<R | Reply> {
  const away = (): Reply => refuse('state-unavailable', { cause: 'the shared store is out of reach' });
  try {
    const answer = question();
    return answer instanceof Promise ? answer.then(then, away) : then(answer);
  } catch {
    return away();
  }
}

/** What stands in a token; its signature, which is checked next, is over the text that this was read from. */
function readContent(text: string): Content | undefined {
  try {
    const content: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof content !== 'object' || content === null) return undefined;
    const { account, user, expiresAt } = content as Partial<Record<keyof Content, unknown>>;
    const isRead = typeof account === 'string' && typeof user === 'string' && typeof expiresAt === 'number';
    return isRead ? (content as Content) : undefined;
  } catch {
    return undefined;
  }
}
