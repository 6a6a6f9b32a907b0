import type { Endpoint } from '../kernel/endpoint.ts';

/** What is published, by API: a change of a few costs the same however many there are. */
export class Endpoints {
  /** One for each environment. */
  readonly #byApi = new Map<unknown, Endpoint[]>();

  constructor(endpoints: readonly Endpoint[]) {
    this.#add(endpoints);
  }

  /** How many APIs there are. */
  get apis(): number {
    return this.#byApi.size;
  }

  get all(): Endpoint[] {
    return [...this.#byApi.values()].flat();
  }

  /** @param names of APIs */
  of(names: ReadonlySet<unknown>): Endpoint[] {
    return [...names].flatMap((name) => this.#byApi.get(name) ?? []);
  }

  without(names: ReadonlySet<unknown>): Endpoint[] {
    return [...this.#byApi].flatMap(([name, endpoints]) => (names.has(name) ? [] : endpoints));
  }

  replace(names: ReadonlySet<unknown>, added: readonly Endpoint[]): void {
    for (const name of names) this.#byApi.delete(name);
    this.#add(added);
  }

  #add(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const { name } = endpoint.api;
      const there = this.#byApi.get(name);
      if (there === undefined) this.#byApi.set(name, [endpoint]);
      else there.push(endpoint);
    }
  }
}
