import type { Amendment, Kit, ServiceToken } from '#sdk';
import type { Setups } from './sections.ts';

/** What there is cannot take in the change: everything is built anew, which also finds all that is wrong with it. */
export class Unamendable extends Error {}

/** Asks the plugins that a change of APIs concerns whether what they have set up can take it in. */
export class Amending {
  readonly #change: Amendment;
  readonly #setups: Setups;
  readonly #answers = new Map<string, (() => void) | undefined>();
  #isOver = false;

  /** @param told plugins that know which APIs there are */
  constructor(change: Amendment, setups: Setups, told: Iterable<string>) {
    this.#change = change;
    this.#setups = setups;
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

  /** Nobody is asked any more. */
  end(): void {
    this.#isOver = true;
  }

  enact(): void {
    for (const enact of this.#answers.values()) enact?.();
  }

  #askProvider(token: ServiceToken<unknown>): void {
    const provider = this.#setups.providerOf(token);
    if (provider !== undefined) this.#ask(provider);
  }

  #ask(plugin: string): void {
    if (this.#isOver || this.#answers.has(plugin)) return;
    const hooks = this.#setups.hooks.get(plugin);
    const answer = hooks?.amend === undefined ? false : hooks.amend(this.#change);
    if (answer === false) throw new Unamendable(plugin);
    this.#answers.set(plugin, answer);
  }
}
