import { type Arrival, type Published, Reply, type Routes } from '#sdk';
import type { CorsPolicy } from './policy.ts';

/** The policies of one configuration, found by what a preflight asks for. */
export class Policies {
  readonly #byPlace = new Map<string, CorsPolicy>();
  readonly #routes: Routes | undefined;

  /** @param routes undefined where nobody tells: policies then answer at APIs alone that take OPTIONS themselves */
  constructor(routes: Routes | undefined) {
    this.#routes = routes;
  }

  add(place: Published, policy: CorsPolicy): void {
    this.#byPlace.set(keyOf(place), policy);
  }

  has(place: Published): boolean {
    return this.#byPlace.has(keyOf(place));
  }

  /**
   * Answers a preflight as the API says that the request itself would reach: a browser asks before it knows of any, with
   * a method that this API need not have. Undefined when it is no preflight, or that API has no policy.
   */
  answer({ method, host, path, headers }: Arrival): Reply | undefined {
    if (method !== 'OPTIONS' || !headers.has('origin')) return undefined;
    const asked = headers.get('access-control-request-method');
    if (asked === undefined) return undefined;
    const route = this.#routes?.find({ method: asked, host, path, headers });
    if (route === undefined || route instanceof Reply) return undefined;
    return this.#byPlace.get(keyOf(route.target))?.preflight(headers);
  }
}

function keyOf({ api, environment }: Published): string {
  return `${api.name}\0${environment}`;
}
