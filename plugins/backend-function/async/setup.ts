import { Functions, type GatewayHooks, type SetupKit, offer } from '#sdk';
import { AsyncCalls, type Lease, acquireCalls } from './calls.ts';
import type { NewCall } from './queue.ts';
import { type AsyncSection, optionsOf } from './options.ts';
import { placeOf } from './place.ts';

/** The place is opened when the configuration comes into force, and by one that has something to do with it. */
export function setUpCalls(section: AsyncSection | undefined, kit: SetupKit): GatewayHooks {
  const options = optionsOf(section);
  const place = placeOf(section, kit);
  const functions = kit.find(Functions) ?? { names: [], byName: () => undefined };
  let isExpected = section !== undefined;
  let lease: Lease | undefined;
  const { machine } = kit;
  const bytes = options.maxMb * 1024 * 1024;
  const endings: (() => void)[] = [];
  /** One process has a folder; the others hand it what is to be kept. */
  const open = (): void => {
    const own = acquireCalls(place, { functions, options }, kit.log, kit.clock);
    lease = own;
    endings.push(machine.answer('add', (call) => own.deliveries.add(call as NewCall, bytes)));
  };
  const calls: AsyncCalls = {
    expect() {
      isExpected = true;
    },
    async add(call) {
      return lease === undefined
        ? (await machine.ask('add', call)) === true
        : lease.deliveries.add(call, bytes);
    },
  };
  return {
    services: [offer(AsyncCalls, calls)],
    activate() {
      if (!isExpected) return;
      // A place that several may have needs nobody who has it for the others.
      if (place.conflict === undefined) open();
      else endings.push(machine.whenMain(open));
    },
    stop: async () => lease?.deliveries.stop(),
    dispose() {
      for (const end of endings) end();
      return lease?.release();
    },
  };
}
