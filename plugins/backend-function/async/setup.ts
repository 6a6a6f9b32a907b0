import { Functions, type GatewayHooks, type SetupKit, type Static, offer } from '#sdk';
import { AsyncCalls, type Lease, acquireCalls } from './calls.ts';
import { type AsyncCallsSchema, defaultFolder, optionsOf } from './options.ts';

/** The folder is opened when the configuration comes into force, and by one that has something to do with it. */
export function setUpCalls(
  section: Static<typeof AsyncCallsSchema> | undefined,
  kit: SetupKit,
): GatewayHooks {
  const options = optionsOf(section);
  const folder = kit.absolutePath(['asyncCalls', 'folder'], section?.folder ?? defaultFolder);
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
      if (isExpected) lease = acquireCalls(folder, { functions, options }, kit.log, kit.clock);
    },
    stop: async () => lease?.deliveries.stop(),
    dispose: () => lease?.release(),
  };
}
