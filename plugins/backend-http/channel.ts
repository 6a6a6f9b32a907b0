import { type Channel, Channels, type HttpTarget, type Kit, describeAllowed } from '#sdk';
import { describeChannel } from './describe.ts';
import type { Config } from './plugin.ts';

/** What of the options is about the channel. */
type Use = Pick<Config, 'address' | 'channel' | 'scheme' | 'memberGroup' | 'retries' | 'hostHeader'>;

/** Where requests go, and what is told of it. */
interface ChannelPlace {
  readonly target: HttpTarget;
  describe(): string[];
}

/** The members of a channel as one target; undefined when something is wrong, which is then reported. */
export function channelTarget(use: Use, kit: Kit): ChannelPlace | undefined {
  const { channel: name = '', address, memberGroup, hostHeader, scheme = 'http', retries = -1 } = use;
  if (address !== undefined) kit.problem(['address'], 'a backend has "address" or "channel", not both');
  const channels = kit.use(Channels);
  const channel = channels.channel(name);
  if (channel === undefined) {
    const allowed =
      channels.names.length === 0 ? 'none is configured' : describeAllowed(channels.names, name);
    kit.problem(['channel'], `there is no channel "${name}"; ${allowed}`);
    return undefined;
  }
  if (!isGroup(channel, memberGroup, kit)) return undefined;
  checkRetries(channel, memberGroup, retries, kit);
  const target = channel.target({
    scheme,
    retries,
    ...(memberGroup === undefined ? {} : { group: memberGroup }),
    ...(hostHeader === undefined ? {} : { hostHeader }),
  });
  return { target, describe: () => describeChannel(channel, memberGroup) };
}

function isGroup({ name, groups }: Channel, group: string | undefined, kit: Kit): boolean {
  if (group === undefined || groups.includes(group)) return true;
  const allowed = groups.length === 0 ? 'it has none' : describeAllowed(groups, group);
  kit.problem(['memberGroup'], `the channel "${name}" has no group "${group}"; ${allowed}`);
  return false;
}

function checkRetries(channel: Channel, group: string | undefined, retries: number, kit: Kit): void {
  const members = channel.enabledMembers(group);
  const where = group === undefined ? `the channel "${channel.name}"` : `its group "${group}"`;
  if (members === 0 && group !== undefined) kit.problem(['memberGroup'], `${where} has no enabled member`);
  else if (retries > 0 && retries >= members) {
    const found = `found ${retries}, and ${where} has ${members} enabled member${members === 1 ? '' : 's'}`;
    kit.problem(['retries'], `${found}; allowed: fewer retries than members`);
  }
}
