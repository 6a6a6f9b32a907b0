import { hash } from 'node:crypto';
import { type Clock, type Identity, type Log, Reply, type SetupKit, refuse } from '#sdk';
import { identityOf } from './accounts.ts';
import type { IamSection } from './options.ts';
import type { KeystoneAnswer, KeystoneClient } from './keystone-client.ts';
import { badToken } from './refused.ts';
import { ServiceUser } from './service-user.ts';

/** How many tokens are remembered, known and refused ones together; the oldest is forgotten. */
const maxKept = 10_000;

/** Tokens asked about at once; one more is refused: made-up tokens must not pile up requests to Keystone. */
const maxAsked = 200;

/** A refused token may be sent again and again; it cannot become a good one. */
const refusedMs = 10_000;

interface Known {
  readonly identity: Identity;
  readonly expiresAt: number;
}

type Verdict = Known | 'unknown';

interface Kept {
  readonly verdict: Verdict;
  readonly until: number;
}

/** Validates tokens at a Keystone, and remembers its answers. Tokens are remembered by their SHA-256 only. */
export class Keystone {
  readonly #client: KeystoneClient;
  readonly #service: ServiceUser | undefined;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #cacheMs: number;
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Map<string, Promise<Verdict | Reply>>();
  #trouble: string | undefined;

  constructor(client: KeystoneClient, options: IamSection, { clock, log }: SetupKit) {
    const { cacheSeconds = 60, serviceUser } = options;
    this.#client = client;
    this.#service = serviceUser === undefined ? undefined : new ServiceUser(serviceUser, client.ask, clock);
    this.#clock = clock;
    this.#log = log;
    this.#cacheMs = cacheSeconds * 1000;
  }

  /** Who the token stands for, or why it is refused. */
  verify(token: string): Known | Reply | Promise<Known | Reply> {
    if (!/^[\x21-\x7e]+$/.test(token)) return badToken('no token');
    const key = hash('sha256', token, 'base64');
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#clock.now()) return this.#judge(kept.verdict);
    const asked = this.#asked.get(key) ?? this.#begin(key, token);
    return asked.then((verdict) => (verdict instanceof Reply ? verdict : this.#judge(verdict)));
  }

  #judge(verdict: Verdict): Known | Reply {
    if (verdict === 'unknown') return badToken('Keystone does not know the token');
    return verdict.expiresAt <= this.#clock.now() ? refuse('iam-token-expired') : verdict;
  }

  #begin(key: string, token: string): Promise<Verdict | Reply> {
    if (this.#asked.size >= maxAsked)
      return Promise.resolve(refuse('iam-unavailable', { cause: 'too many tokens to ask about' }));
    const asked = this.#lookUp(token)
      .then(
        (verdict) => this.#came(key, verdict),
        (error: unknown) => this.#failed(error),
      )
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  async #lookUp(token: string): Promise<Verdict | Reply> {
    const service = this.#service;
    if (service === undefined) return readVerdict(await this.#show(token, token), 'self');
    for (const isLast of [false, true]) {
      const own = await service.token();
      if (own === undefined) return refuse('iam-admin-token', { cause: 'Keystone refuses the service user' });
      const answer = await this.#show(own, token);
      if (answer.status !== 401) return readVerdict(answer, 'service');
      // It may have been revoked before its time.
      service.forget(own);
      if (isLast) break;
    }
    return refuse('iam-admin-token', { cause: 'Keystone refuses the token of the service user' });
  }

  #show(own: string, token: string): Promise<KeystoneAnswer> {
    // An expired token is shown too, so that its user is told to get another one. Keystone lets only a service do so.
    const query = this.#service === undefined ? '?nocatalog' : '?nocatalog&allow_expired=1';
    return this.#client.ask('GET', query, { 'x-auth-token': own, 'x-subject-token': token });
  }

  #came(key: string, verdict: Verdict | Reply): Verdict | Reply {
    this.#note(verdict instanceof Reply ? 'Keystone lets nobody validate tokens' : undefined);
    if (verdict instanceof Reply) return verdict;
    const keptMs = verdict === 'unknown' ? Math.min(refusedMs, this.#cacheMs) : this.#cacheMs;
    this.#kept.delete(key);
    if (keptMs === 0) return verdict;
    const oldest = this.#kept.size < maxKept ? undefined : this.#kept.keys().next().value;
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, { verdict, until: this.#clock.now() + keptMs });
    return verdict;
  }

  #failed(error: unknown): Reply {
    this.#note('Keystone does not answer', error instanceof Error ? error.message : 'it failed');
    return refuse('iam-unavailable', { cause: 'Keystone does not answer' });
  }

  /** Tells the operator when it begins and when it is over, and not for each request of a busy hour. */
  #note(trouble: string | undefined, cause?: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble === undefined) this.#log.info({}, 'Keystone validates tokens again');
    else this.#log.error({ cause }, trouble);
  }
}

/** @throws Error when the answer is none of Keystone's */
function readVerdict({ status, token }: KeystoneAnswer, asker: 'self' | 'service'): Verdict | Reply {
  if (status === 404 || (asker === 'self' && status === 401)) return 'unknown';
  if (status === 403)
    return refuse('iam-admin-token', { cause: 'Keystone does not let this user validate tokens' });
  const { user, expires_at: expires } = (token ?? {}) as { user?: unknown; expires_at?: unknown };
  const { id, name, domain } = (user ?? {}) as Readonly<Record<string, unknown>>;
  const account = (domain as { name?: unknown } | undefined)?.name;
  const expiresAt = typeof expires === 'string' ? Date.parse(expires) : NaN;
  const isRead = typeof id === 'string' && typeof name === 'string' && typeof account === 'string';
  if (status !== 200 || !isRead || id === '' || account === '' || Number.isNaN(expiresAt))
    throw new Error(`Keystone answered ${status}, and not with what makes a user`);
  return { identity: identityOf({ id, name, account }), expiresAt };
}
