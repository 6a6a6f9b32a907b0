import type { HttpTarget } from './plugin.ts';
import { type ServiceToken, defineService } from './services.ts';

/** What is known of one address of a channel's member. */
export interface MemberState {
  readonly channel: string;
  /** As configured: a name or an address. */
  readonly member: string;
  readonly port: number;
  /** What the name stands for now; the member itself while that is not known, and where it is an address. */
  readonly address: string;
  readonly group: string | undefined;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly isEnabled: boolean;
  /** What the health checks found; `unknown` where there are none yet, which counts as healthy. */
  readonly health: 'healthy' | 'unhealthy' | 'unknown';
  /** Whether it is left out for a while because calls to it failed. */
  readonly isEjected: boolean;
}

/** How an API uses a channel. */
export interface ChannelUse {
  readonly scheme: 'http' | 'https';
  /** All members unless given. */
  readonly group?: string;
  /** How often another member is tried; -1: once. */
  readonly retries: number;
  /** The `Host` to send; the caller's own unless given. */
  readonly hostHeader?: string;
}

/** Servers that do the same work, and how requests are spread over them. */
export interface Channel {
  readonly name: string;
  readonly algorithm: string;
  readonly groups: readonly string[];
  /** How many members are enabled, backups included; those of the group when one is given. */
  enabledMembers(group?: string): number;
  /** Chooses a member for each request, and another one when it fails. */
  target(use: ChannelUse): HttpTarget;
  states(): readonly MemberState[];
}

/** The channels of the configuration's `channels` section. */
export interface Channels {
  readonly names: readonly string[];
  channel(name: string): Channel | undefined;
  /** All members of all channels. */
  states(): readonly MemberState[];
}

export const Channels: ServiceToken<Channels> = defineService<Channels>('channels');
