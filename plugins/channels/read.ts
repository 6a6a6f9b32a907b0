import { isIP } from 'node:net';
import { type SetupKit, describeAllowed } from '#sdk';
import type { ChannelIn, MemberIn } from './channel.ts';
import { type CheckSettings, readHealthCheck } from './check-settings.ts';
import type { ChannelConfig, MemberConfig } from './options.ts';

type Report = (path: readonly (string | number)[], message: string, offset?: number) => void;

/** Reads a channel; reports what its schema cannot say. What is wrong is left out, so that the rest can be checked. */
export function readChannel(name: string, config: ChannelConfig, kit: SetupKit): ChannelIn {
  const report: Report = (path, message, offset) => kit.problem(['channels', name, ...path], message, offset);
  return { name, config, members: readPlaces(config, report), check: readCheck(config, report) };
}

function readCheck({ healthCheck }: ChannelConfig, report: Report): CheckSettings | undefined {
  if (healthCheck === undefined) return undefined;
  return readHealthCheck(healthCheck, (path, message, offset) =>
    report(['healthCheck', ...path], message, offset),
  );
}

function readPlaces(config: ChannelConfig, report: Report): readonly MemberIn[] {
  const { elb, members, groups } = config;
  if (elb === undefined) {
    if (members === undefined) report([], '"members" is missing; allowed instead: "elb"');
    return readMembers(members ?? [], config, report);
  }
  if (members !== undefined) report(['members'], 'a channel has "members" or "elb", not both');
  if (groups !== undefined) report(['groups'], 'a channel with "elb" has no members to group');
  return readLoadBalancer(elb, config, report);
}

function readLoadBalancer(elb: string, { port }: ChannelConfig, report: Report): readonly MemberIn[] {
  const [, bracketed, plain, after] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(elb) ?? [];
  const address = bracketed ?? plain ?? elb;
  const given = after === undefined ? port : Number(after);
  const isName = bracketed === undefined ? isAddress(address) && !address.includes(':') : isIP(address) === 6;
  if (!isName) report(['elb'], `found "${elb}"; allowed: host or host:port`);
  else if (given === undefined) report(['elb'], 'it names no port, and the channel has none');
  else if (given < 1 || given > 65_535) report(['elb'], `found the port ${given}; allowed: 1 to 65535`);
  else return [{ address, port: given, weight: 1, backup: false, enabled: true, isUnresolved: true }];
  return [];
}

function readMembers(members: readonly MemberConfig[], config: ChannelConfig, report: Report): MemberIn[] {
  const { groups } = config;
  const first = new Map<string, number>();
  const read: MemberIn[] = [];
  for (const [index, member] of members.entries()) {
    const at = (field: string): readonly (string | number)[] => ['members', index, field];
    const address = member.address.toLowerCase();
    const port = member.port ?? config.port;
    if (!isAddress(address))
      report(
        at('address'),
        `found "${member.address}"; allowed: an IP address or a host name, without a port`,
      );
    if (port === undefined) report(['members', index], '"port" is missing, and the channel has none');
    const twin = first.get(`${address} ${port}`);
    if (twin !== undefined) report(['members', index], `members[${twin}] is the same server already`);
    checkGroup(member.group, groups, at('group'), report);
    if (!isAddress(address) || port === undefined || twin !== undefined) continue;
    first.set(`${address} ${port}`, index);
    read.push({ ...member, address, port });
  }
  if (members.length > 0 && !members.some(({ enabled, weight }) => enabled && weight > 0))
    report(['members'], 'no member is enabled and has a weight above 0: no request could be answered');
  return read;
}

function checkGroup(
  group: string | undefined,
  groups: ChannelConfig['groups'],
  path: readonly (string | number)[],
  report: Report,
): void {
  if (groups === undefined && group !== undefined) report(path, 'the channel has no "groups"');
  if (groups === undefined) return;
  const names = Object.keys(groups);
  if (group === undefined)
    report(
      path.slice(0, -1),
      `"group" is missing, and the channel has groups; ${describeAllowed(names, '')}`,
    );
  else if (!Object.hasOwn(groups, group))
    report(path, `there is no group "${group}"; ${describeAllowed(names, group)}`);
}

/** An address, or a name of labels; 1.2.3 and 0x7f are neither, though a resolver would take them. */
function isAddress(text: string): boolean {
  if (isIP(text) > 0) return !text.includes('%');
  return /^(?!.*(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i.test(
    text,
  );
}
