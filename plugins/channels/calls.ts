import type { Exchange } from '#sdk';
import type { Endpoint } from './endpoint.ts';

/**
 * Counts the requests that members have in hand, from the choice of a member until the last byte of the answer, or
 * until the call failed. Each request that is begun is ended by `fail`, or else by `completed`, which the kernel
 * tells exactly once for every request, whatever becomes of it.
 */
export class Calls {
  readonly #byExchange = new Map<Exchange, Endpoint[]>();

  /** Requests being counted. */
  get size(): number {
    return this.#byExchange.size;
  }

  begin(exchange: Exchange, endpoint: Endpoint): void {
    endpoint.inFlight += 1;
    const endpoints = this.#byExchange.get(exchange);
    if (endpoints === undefined) this.#byExchange.set(exchange, [endpoint]);
    else endpoints.push(endpoint);
  }

  failed(exchange: Exchange, endpoint: Endpoint): void {
    const endpoints = this.#byExchange.get(exchange);
    const index = endpoints?.indexOf(endpoint) ?? -1;
    // The caller may have gone before the call failed, and the request be completed.
    if (endpoints === undefined || index < 0) return;
    endpoint.inFlight -= 1;
    endpoints.splice(index, 1);
    if (endpoints.length === 0) this.#byExchange.delete(exchange);
  }

  completed(exchange: Exchange): void {
    const endpoints = this.#byExchange.get(exchange);
    if (endpoints === undefined) return;
    this.#byExchange.delete(exchange);
    for (const endpoint of endpoints) endpoint.inFlight -= 1;
  }
}
