import { type Exchange, type Identity, type Kit, Reply, defineNote, refuse } from '#sdk';
import { Blocks } from './blocks.ts';
import { type Told, compileIdentities } from './identities.ts';
import type { Config } from './options.ts';
import { Outages } from './outages.ts';
import { refusalOf } from './refusal.ts';
import { type Asked, openService } from './service.ts';
import { compileSuccess } from './success.ts';
import { type Admitted, Verdicts } from './verdicts.ts';

/** What the service said for the backend, from `auth` to `backendSigning`. */
export const forBackend = defineNote<readonly string[]>('remote-auth');

type Outcome = { readonly admitted: Admitted } | { readonly refused: Asked };

/** Let through, and nobody said who it is. */
const somebody: Identity = Object.freeze({ type: 'remote', id: 'remote', isShared: true });

const nobody: Admitted = { fields: [], id: undefined };

/** Asks the service about callers, one binding of it. */
export class Gate {
  readonly #config: Config;
  readonly #read: ReturnType<typeof compileIdentities>;
  readonly #service: ReturnType<typeof openService>;
  readonly #success: ReturnType<typeof compileSuccess>;
  readonly #verdicts: Verdicts<Outcome>;
  readonly #outages: Outages;
  readonly #blocks: Blocks | undefined;

  constructor(config: Config, kit: Kit) {
    this.#config = config;
    this.#read = compileIdentities(config.identities);
    this.#service = openService(config, kit);
    this.#success = compileSuccess(config, kit);
    const scope = JSON.stringify([kit.api.name, kit.environment, config]);
    this.#verdicts = new Verdicts(kit, config.cacheSeconds * 1000, scope);
    this.#outages = new Outages(kit.clock);
    this.#blocks = config.block && new Blocks(config.block.failures, kit);
  }

  async admit(exchange: Exchange): Promise<Reply | undefined> {
    const blocked = await this.#blocks?.check(exchange.clientAddress);
    if (blocked !== undefined) return blocked;
    const told = await this.#read(exchange);
    if (told === undefined) return refuse('third-auth-identity-missing');
    const outcome = await this.#decide(exchange, told);
    if ('admitted' in outcome) {
      this.#accept(exchange, outcome.admitted);
      return undefined;
    }
    // Only what the service said of the caller counts against the caller.
    if (!('trouble' in outcome.refused) && outcome.refused.status < 500)
      await this.#blocks?.count(exchange.clientAddress);
    return refusalOf(outcome.refused, this.#config);
  }

  #accept(exchange: Exchange, { fields, id }: Admitted): void {
    if (fields.length > 0) exchange.notes.set(forBackend, fields);
    // Beside another authenticator the caller is who that one says.
    exchange.identity ??= id === undefined ? somebody : { type: 'remote', id };
  }

  async #decide(exchange: Exchange, told: Told): Promise<Outcome> {
    const { cacheSeconds, originalPath, body } = this.#config;
    if (cacheSeconds === 0) return this.#ask(exchange, told, false);
    const path = originalPath === 'none' ? '' : exchange.path;
    const facts = this.#success.facts.map((read) => read(exchange) ?? null);
    const key = this.#verdicts.keyOf([told.values, path, facts]);
    const admitted = await this.#verdicts.find(key);
    if (admitted !== undefined) return { admitted };
    // Each caller's own: what is wrong with it must not become the answer to the others.
    if (body !== undefined && exchange.hasBody) await exchange.readBody(body.maxBytes);
    return this.#verdicts.once(key, async () => {
      // Not the first caller's call alone: others wait for it.
      const outcome = await this.#ask(exchange, told, true);
      if ('admitted' in outcome && outcome.admitted !== nobody)
        await this.#verdicts.keep(key, outcome.admitted);
      return outcome;
    });
  }

  async #ask(exchange: Exchange, told: Told, isDetached: boolean): Promise<Outcome> {
    const asked: Asked = this.#outages.isOpen
      ? { trouble: 'third-auth-unreachable', isTimeout: false }
      : await this.#service.ask(exchange, told, isDetached);
    const isTrouble = 'trouble' in asked;
    if (isTrouble && asked.isTimeout) this.#outages.timedOut();
    if (!isTrouble && this.#success.test(asked)) return { admitted: this.#admitted(asked.headers) };
    const isOutage = isTrouble || asked.status >= 500;
    return isOutage && this.#config.onOutage === 'admit' ? { admitted: nobody } : { refused: asked };
  }

  #admitted(headers: { getAll(name: string): string[]; get(name: string): string | undefined }): Admitted {
    const { forwardHeaders, identityHeader } = this.#config;
    const fields = forwardHeaders.flatMap((name) => headers.getAll(name).flatMap((value) => [name, value]));
    const id = identityHeader === undefined ? undefined : headers.get(identityHeader);
    return { fields, id: id === '' ? undefined : id };
  }
}
