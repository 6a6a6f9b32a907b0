import type { Channels, Functions, MemberState } from '#sdk';
import { type IsolateFigures, sumIsolates } from './state.ts';

/** Members of one channel, each counted once. */
export interface ChannelFigures {
  /** A name, or `other`. */
  readonly channel: string;
  readonly members: Readonly<Record<Health, number>>;
}

type Health = MemberState['health'] | 'ejected' | 'disabled';

/** @param most how many channels are told one by one */
export function channelFigures(channels: Channels | undefined, most: number): ChannelFigures[] {
  const told = new Set(channels?.names.slice(0, most));
  const counted = new Map<string, Record<Health, number>>();
  for (const state of channels?.states() ?? []) {
    const name = told.has(state.channel) ? state.channel : 'other';
    const members = counted.get(name) ?? { healthy: 0, unhealthy: 0, unknown: 0, ejected: 0, disabled: 0 };
    counted.set(name, members);
    members[healthOf(state)] += 1;
  }
  return Array.from(counted, ([channel, members]) => ({ channel, members }));
}

function healthOf({ isEnabled, isEjected, health }: MemberState): Health {
  if (!isEnabled) return 'disabled';
  return isEjected && health !== 'unhealthy' ? 'ejected' : health;
}

/** @param most how many functions are told one by one */
export function isolateFigures(functions: Functions | undefined, most: number): readonly IsolateFigures[] {
  const told = new Set(functions?.names.slice(0, most));
  const all = functions?.isolates?.() ?? [];
  return sumIsolates(
    all.map((each) => ({ ...each, function: told.has(each.function) ? each.function : 'other' })),
  );
}
