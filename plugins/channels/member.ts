import { isIP } from 'node:net';
import type { Log, Machine, MemberState } from '#sdk';
import type { CheckSettings } from './check-settings.ts';
import { Checker } from './checker.ts';
import { Endpoint } from './endpoint.ts';
import type { Probe } from './probe.ts';

/** All addresses of a name. Rejects when it has none. */
type Lookup = (name: string) => Promise<readonly string[]>;

/** What a member is told to do by a configuration. */
export interface Claim {
  readonly check: CheckSettings | undefined;
  /** How often its name is looked up; undefined: never, which leaves that to whoever connects. */
  readonly resolveMs: number | undefined;
  /** Its addresses are other ones now. */
  changed(): void;
}

/** What members need of the world. */
export interface World {
  readonly log: Log;
  readonly probe: Probe;
  readonly lookup: Lookup;
  /** One worker of a machine checks; the others hear of it. */
  readonly machine: Machine;
}

/**
 * A member of a channel while any configuration has it: its addresses and their health. Where two configurations have
 * it, as in a reload, the newer one says how it is checked and looked up, so that no server is checked twice.
 */
export class Member implements Disposable {
  readonly host: string;
  readonly port: number;
  readonly #channel: string;
  readonly #world: World;
  readonly #claims: Claim[] = [];
  readonly #checkers = new Map<Endpoint, Checker>();
  readonly #topic: string;
  readonly #endings: (() => void)[];
  /** By address, as the worker that checks found it. */
  #found: Readonly<Record<string, MemberState['health']>> = {};
  #endpoints: readonly Endpoint[];
  #applying: NodeJS.Timeout | undefined;
  #resolving: NodeJS.Timeout | undefined;
  #resolveMs: number | undefined;
  #isUnresolved = false;
  #isDisposed = false;

  constructor(channel: string, host: string, port: number, world: World) {
    this.#channel = channel;
    this.host = host;
    this.port = port;
    this.#world = world;
    this.#endpoints = [new Endpoint(host, port)];
    this.#topic = `health ${JSON.stringify([channel, host, port])}`;
    const { machine } = world;
    this.#endings = [
      machine.subscribe(this.#topic, (found) => this.#heard(found)),
      machine.whenMain(() => this.#applySoon()),
    ];
  }

  /** One for each address. Until a name has been looked up, its own name stands for them. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Answers what takes the claim back. */
  claim(claim: Claim): () => void {
    this.#claims.push(claim);
    this.#applySoon();
    return () => {
      const index = this.#claims.indexOf(claim);
      if (index >= 0) this.#claims.splice(index, 1);
      this.#applySoon();
    };
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const end of this.#endings) end();
    if (this.#world.machine.isMain) this.#world.machine.publish(this.#topic, undefined);
    clearTimeout(this.#applying);
    clearTimeout(this.#resolving);
    for (const checker of this.#checkers.values()) checker.stop();
    this.#checkers.clear();
  }

  /** Not at once: a configuration that comes into force may yet be refused by another plugin, and has changed nothing then. */
  #applySoon(): void {
    if (this.#isDisposed || this.#applying !== undefined) return;
    this.#applying = setTimeout(() => {
      this.#applying = undefined;
      this.#apply();
    }, 0);
    this.#applying.unref();
  }

  #apply(): void {
    const claim = this.#claims.at(-1);
    if (claim === undefined) return;
    const resolveMs = isIP(this.host) === 0 ? claim.resolveMs : undefined;
    if (resolveMs !== this.#resolveMs) {
      this.#resolveMs = resolveMs;
      clearTimeout(this.#resolving);
      if (resolveMs === undefined) this.#take([this.host]);
      else void this.#resolve(resolveMs);
    }
    this.#applyCheck(claim.check);
  }

  #applyCheck(settings: CheckSettings | undefined): void {
    for (const [endpoint, checker] of this.#checkers) {
      if (settings !== undefined && this.#endpoints.includes(endpoint)) continue;
      checker.stop();
      this.#checkers.delete(endpoint);
    }
    const { isMain } = this.#world.machine;
    for (const endpoint of this.#endpoints) {
      const checker = this.#checkers.get(endpoint);
      if (settings === undefined) endpoint.health = 'unknown';
      else if (!isMain) endpoint.health = this.#found[endpoint.address] ?? 'unknown';
      else if (checker === undefined) this.#checkers.set(endpoint, this.#checker(endpoint, settings));
      else checker.update(settings);
    }
  }

  #checker(endpoint: Endpoint, settings: CheckSettings): Checker {
    const { address, port } = endpoint;
    const { log, probe } = this.#world;
    return new Checker({ member: this.host, address, port }, endpoint, settings, probe, (reason) => {
      const where = { channel: this.#channel, member: this.host, address, port };
      this.#tell();
      if (reason === undefined) log.info(where, 'a member of a channel is healthy');
      else log.warn({ ...where, reason }, 'a member of a channel is unhealthy');
    });
  }

  #tell(): void {
    const found = Object.fromEntries(this.#endpoints.map(({ address, health }) => [address, health]));
    this.#world.machine.publish(this.#topic, found);
  }

  /** From the worker that checks, or from this one. The next one that checks begins with it. */
  #heard(found: unknown): void {
    this.#found = (found ?? {}) as Readonly<Record<string, MemberState['health']>>;
    const isChecked = this.#claims.at(-1)?.check !== undefined;
    if (this.#world.machine.isMain || !isChecked) return;
    for (const endpoint of this.#endpoints) endpoint.health = this.#found[endpoint.address] ?? 'unknown';
  }

  async #resolve(resolveMs: number): Promise<void> {
    try {
      const addresses = await this.#world.lookup(this.host);
      if (this.#isDisposed || this.#resolveMs !== resolveMs) return;
      this.#isUnresolved = false;
      this.#take(addresses);
    } catch (error) {
      if (this.#isDisposed || this.#resolveMs !== resolveMs) return;
      // What it stood for last is a better guess than nothing.
      if (!this.#isUnresolved) {
        const reason = error instanceof Error ? error.message : 'it failed';
        this.#world.log.warn(
          { channel: this.#channel, member: this.host, reason },
          'the name of a member of a channel cannot be looked up',
        );
      }
      this.#isUnresolved = true;
    }
    clearTimeout(this.#resolving);
    this.#resolving = setTimeout(() => void this.#resolve(resolveMs), resolveMs);
    this.#resolving.unref();
  }

  #take(addresses: readonly string[]): void {
    const wanted = [...new Set(addresses)].sort();
    if (wanted.length === 0 || wanted.join() === this.#endpoints.map(({ address }) => address).join()) return;
    this.#endpoints = wanted.map(
      (address) =>
        this.#endpoints.find((each) => each.address === address) ?? new Endpoint(address, this.port),
    );
    this.#applyCheck(this.#claims.at(-1)?.check);
    for (const claim of this.#claims) claim.changed();
  }
}
