/** Finds a value by host name (lower case, without a port): exact, then the longest `*.x`, then `*`. */
export class HostTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #below = new Map<string, T>();
  #any: T | undefined;

  add(host: string, value: T): void {
    if (host === '*') this.#any = value;
    else if (host.startsWith('*.')) this.#below.set(host.slice(2), value);
    else this.#exact.set(host, value);
  }

  find(host: string): T | undefined {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    if (this.#below.size > 0) {
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const below = this.#below.get(host.slice(dot + 1));
        if (below !== undefined) return below;
      }
    }
    return this.#any;
  }
}
