import type { Channel, MemberState } from '#sdk';

/** What `explain` tells of a channel: who would get the request, and how each member is doing. */
export function describeChannel(channel: Channel, group: string | undefined): string[] {
  const members = channel.states().filter((state) => group === undefined || state.group === group);
  const where = group === undefined ? '' : `, group ${group}`;
  return [
    `channel ${channel.name}: ${channel.algorithm}${where}`,
    ...members.map((state) => `  ${line(state)}`),
  ];
}

function line(state: MemberState): string {
  const { member, address, port, weight, health, isBackup, isEnabled, isEjected } = state;
  const words = [
    address === member ? member : `${member} (${address})`,
    `port ${port}`,
    `weight ${weight}`,
    ...(state.group === undefined ? [] : [`group ${state.group}`]),
    ...(isBackup ? ['backup'] : []),
    isEnabled ? `health ${health}` : 'not enabled',
    ...(isEjected ? ['left out after failed calls'] : []),
  ];
  return words.join(', ');
}
