import type { Channel, ChannelUse, Clock, HttpClient, HttpTarget, Log, MemberState } from '#sdk';
import { Balancer, Rotation, type Share } from './balancer.ts';
import { Calls } from './calls.ts';
import type { CheckSettings } from './check-settings.ts';
import type { Endpoint } from './endpoint.ts';
import type { Held, Kept } from './kept.ts';
import { Member, type World } from './member.ts';
import type { ChannelConfig, MemberConfig } from './options.ts';
import { Peer } from './peer.ts';
import { type Spread, ChannelTarget } from './target.ts';

/** A member with the port it has, checked. */
export interface MemberIn extends MemberConfig {
  readonly port: number;
  /** Whoever connects looks its name up. */
  readonly isUnresolved?: boolean;
}

/** A channel of the configuration, checked. */
export interface ChannelIn {
  readonly name: string;
  readonly config: ChannelConfig;
  readonly members: readonly MemberIn[];
  readonly check: CheckSettings | undefined;
}

/** What a channel stands on. */
export interface Ground {
  readonly kept: Kept;
  readonly world: World;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Log;
}

/** The balancer of all members; groups have names, which are not empty. */
const whole = '';

interface HeldMember {
  readonly config: MemberIn;
  readonly member: Member;
}

/** A channel as one configuration has it. */
export class BuiltChannel implements Channel {
  readonly name: string;
  readonly algorithm: ChannelConfig['algorithm'];
  readonly groups: readonly string[];
  /** Undefined unless the algorithm asks how busy members are. */
  readonly calls: Calls | undefined;
  readonly #config: ChannelConfig;
  readonly #check: CheckSettings | undefined;
  readonly #http: HttpClient;
  readonly #spread: Spread;
  readonly #members: readonly HeldMember[];
  readonly #balancers = new Map<string, Balancer>();
  readonly #releases: (() => void)[] = [];
  #peers = new Map<Endpoint, Peer>();

  constructor({ name, config, members, check }: ChannelIn, { kept, world, http, clock, log }: Ground) {
    this.name = name;
    this.algorithm = config.algorithm;
    this.groups = Object.keys(config.groups ?? {});
    this.calls = config.algorithm === 'weighted-least-connection' ? new Calls() : undefined;
    this.#config = config;
    this.#http = http;
    const { algorithm, ejection } = config;
    this.#spread = { channel: name, algorithm, ejection, clock, log, calls: this.calls };
    for (const group of [whole, ...this.groups]) {
      const rotation = this.#hold(kept.hold(`rotation\n${name}\n${group}`, () => new Rotation()));
      this.#balancers.set(group, new Balancer(algorithm, rotation, clock));
    }
    this.#check = check;
    this.#members = members.map((each) => {
      const { address, port } = each;
      const create = (): Member => new Member(name, address, port, world);
      return { config: each, member: this.#hold(kept.hold(`member\n${name}\n${address} ${port}`, create)) };
    });
    this.#update();
  }

  /** From now on its members are checked and looked up as this configuration says. */
  activate(): void {
    const changed = (): void => this.#update();
    for (const { config, member } of this.#members) {
      const { enabled, isUnresolved } = config;
      const check = enabled ? this.#check : undefined;
      const resolveMs = !enabled || isUnresolved === true ? undefined : this.#config.resolveSeconds * 1000;
      this.#releases.push(member.claim({ check, resolveMs, changed }));
    }
    // Their addresses may have changed since.
    this.#update();
  }

  enabledMembers(group?: string): number {
    return this.#members.filter(
      ({ config }) => config.enabled && (group === undefined || config.group === group),
    ).length;
  }

  target(use: ChannelUse): HttpTarget {
    const balancer = this.#balancers.get(use.group ?? whole);
    if (balancer === undefined) throw new TypeError(`the channel ${this.name} has no group "${use.group}"`);
    return new ChannelTarget(this.#spread, balancer, use);
  }

  states(): readonly MemberState[] {
    return this.#members.flatMap(({ config, member }) =>
      member.endpoints.map(({ address, health, isEjected }) => ({
        channel: this.name,
        member: config.address,
        port: config.port,
        address,
        group: config.group,
        weight: config.weight,
        isBackup: config.backup,
        isEnabled: config.enabled,
        health,
        isEjected,
      })),
    );
  }

  dispose(): void {
    for (const release of this.#releases.splice(0)) release();
    for (const peer of this.#peers.values()) peer.release();
    this.#peers.clear();
  }

  #hold<T>(held: Held<T>): T {
    this.#releases.push(() => held.release());
    return held.value;
  }

  /** Takes the addresses that members have now. */
  #update(): void {
    const before = this.#peers;
    this.#peers = new Map();
    const shares: (Share & { readonly group: string | undefined })[] = [];
    for (const { config, member } of this.#members) {
      if (!config.enabled) continue;
      for (const endpoint of member.endpoints) {
        const peer = before.get(endpoint) ?? new Peer(config.address, endpoint, this.#http);
        this.#peers.set(endpoint, peer);
        shares.push({ peer, weight: config.weight, isBackup: config.backup, group: config.group });
      }
    }
    for (const [group, balancer] of this.#balancers) {
      if (group === whole) balancer.update(inGroups(shares, this.#config.groups));
      else balancer.update(shares.filter((share) => share.group === group));
    }
    for (const [endpoint, peer] of before) if (!this.#peers.has(endpoint)) peer.release();
  }
}

/** Each group gets what its weight says, whatever the weights of its members add up to. */
function inGroups(
  shares: readonly (Share & { readonly group: string | undefined })[],
  groups: ChannelConfig['groups'],
): readonly Share[] {
  if (groups === undefined) return shares;
  const sums = new Map<string, number>();
  const keyOf = (share: (typeof shares)[number]): string => `${share.isBackup} ${share.group}`;
  for (const share of shares) sums.set(keyOf(share), (sums.get(keyOf(share)) ?? 0) + share.weight);
  return shares.map((share) => {
    const weight = groups[share.group ?? '']?.weight ?? 0;
    const sum = sums.get(keyOf(share)) ?? 0;
    return { ...share, weight: sum === 0 ? 0 : (weight * share.weight) / sum };
  });
}
