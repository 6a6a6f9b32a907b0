import { ADDRCONFIG } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { Channels, definePlugin, offer } from '#sdk';
import { BuiltChannel, type Ground } from './channel.ts';
import { keptBy } from './kept.ts';
import { ChannelsSchema } from './options.ts';
import { probe } from './probe.ts';
import { readChannel } from './read.ts';

export default definePlugin({
  name: 'channels',
  summary:
    'Servers that do the same work: spreads requests over them, checks their health, tries another when one fails.',
  section: { name: 'channels', schema: ChannelsSchema },
  offers: [Channels],
  setup(section, kit) {
    const { log, http, clock, machine } = kit;
    // The log is one gateway's, and the same for all its configurations.
    const ground: Ground = {
      kept: keptBy(log),
      world: { log, probe, lookup: addressesOf, machine },
      http,
      clock,
      log,
    };
    const channels = new Map(
      Object.entries(section ?? {}).map(([name, config]) => [
        name,
        new BuiltChannel(readChannel(name, config, kit), ground),
      ]),
    );
    const counted = [...channels.values()].flatMap(({ calls }) => (calls === undefined ? [] : [calls]));
    const states = [...channels.values()];
    return {
      amend: () => undefined,
      services: [
        offer(Channels, {
          names: [...channels.keys()],
          channel: (name) => channels.get(name),
          states: () => states.flatMap((channel) => channel.states()),
        }),
      ],
      ...(counted.length > 0 && {
        completed({ exchange }) {
          if (exchange !== undefined) for (const calls of counted) calls.completed(exchange);
        },
      }),
      status: () => states.flatMap((channel) => channel.states()),
      activate() {
        for (const channel of channels.values()) channel.activate();
      },
      dispose() {
        for (const channel of channels.values()) channel.dispose();
      },
    };
  },
});

async function addressesOf(name: string): Promise<readonly string[]> {
  // Without the addresses of a family that this machine does not have.
  return (await lookup(name, { all: true, hints: ADDRCONFIG })).map(({ address }) => address);
}
