import { Functions, type GatewayHooks, type SetupKit, offer } from '#sdk';
import { AsyncCalls, type Lease, acquireCalls } from './calls.ts';
import { type AsyncSection, optionsOf } from './options.ts';
import { placeOf } from './place.ts';

/** The place is opened when the configuration comes into force, and by one that has something to do with it. */
export function setUpCalls(section: AsyncSection | undefined, kit: SetupKit): GatewayHooks {
  const options = optionsOf(section);
  const place = placeOf(section, kit);
  const functions = kit.find(Functions) ?? { names: [], byName: () => undefined };
  let isExpected = section !== undefined;
  let lease: Lease | undefined;
  const calls: AsyncCalls = {
    expect() {
      isExpected = true;
    },
    add(call) {
      const bytes = options.maxMb * 1024 * 1024;
      return lease?.deliveries.add(call, bytes) ?? Promise.reject(new Error('the queue is closed'));
    },
  };
  return {
    services: [offer(AsyncCalls, calls)],
    activate() {
      if (isExpected) lease = acquireCalls(place, { functions, options }, kit.log, kit.clock);
    },
    stop: async () => lease?.deliveries.stop(),
    dispose: () => lease?.release(),
  };
}
