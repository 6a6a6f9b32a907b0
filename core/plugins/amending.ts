import type { Amendment, Kit, Log, ServiceToken } from '#sdk';
import type { Setups } from './sections.ts';

/** What there is cannot take in the change: everything is built anew, which also finds all that is wrong with it. */
export class Unamendable extends Error {}

type Enact = (() => void) | undefined;

/** Asks the plugins that a change of APIs concerns whether what they have set up can take it in. */
export class Amending {
  /** Undefined when nobody is asked any more: kits hold on to this, and are not to hold on to what is gone. */
  #change: Amendment | undefined;
  readonly #setups: Setups;
  readonly #log: Log;
  readonly #answers = new Map<string, Enact | false>();

  /** @param told plugins that know which APIs there are */
  constructor(change: Amendment, setups: Setups, told: Iterable<string>, log: Log) {
    this.#change = change;
    this.#setups = setups;
    this.#log = log;
    for (const plugin of told) this.#ask(plugin);
  }

  /** Services for what is bound to new APIs: it may leave something with whoever offers them. */
  get kit(): Pick<Kit, 'use' | 'find'> {
    const setups = this.#setups;
    return {
      use: (token) => {
        this.#askProvider(token);
        return setups.use(token);
      },
      find: (token) => {
        this.#askProvider(token);
        return setups.find(token);
      },
    };
  }

  /** @throws Unamendable when a plugin has refused, whatever became of the error that who asked for it got */
  assertAble(): void {
    for (const [plugin, answer] of this.#answers) if (answer === false) throw new Unamendable(plugin);
  }

  /** Nobody is asked any more. */
  end(): void {
    this.#change = undefined;
  }

  enact(): void {
    for (const [plugin, enact] of this.#answers) {
      try {
        if (enact !== false) enact?.();
      } catch (error) {
        // There is no way back: others have taken it in.
        this.#failed(plugin, error);
      }
    }
    this.#answers.clear();
  }

  #askProvider(token: ServiceToken<unknown>): void {
    const provider = this.#setups.providerOf(token);
    if (provider !== undefined) this.#ask(provider);
  }

  #ask(plugin: string): void {
    if (this.#change === undefined) return;
    if (!this.#answers.has(plugin)) this.#answers.set(plugin, this.#answerOf(plugin, this.#change));
    if (this.#answers.get(plugin) === false) throw new Unamendable(plugin);
  }

  #answerOf(plugin: string, change: Amendment): Enact | false {
    const hooks = this.#setups.hooks.get(plugin);
    if (hooks?.amend === undefined) return false;
    try {
      return hooks.amend(change);
    } catch (error) {
      this.#failed(plugin, error);
      return false;
    }
  }

  #failed(plugin: string, error: unknown): void {
    const reason = error instanceof Error ? error.stack : String(error);
    this.#log.error({ plugin, error: reason }, 'a plugin failed to take in a change of APIs');
  }
}
