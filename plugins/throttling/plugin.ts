import { type Api, type Hooks, type Kit, type ServiceToken, defineService, definePlugin, offer } from '#sdk';
import { fromAlibaba } from './alibaba.ts';
import { defaultMeasure } from './allowance.ts';
import { checkLimits } from './check.ts';
import { calls, describeLimits } from './describe.ts';
import { fromHuawei } from './huawei.ts';
import { createMeters } from './meters.ts';
import { Config, Section, defaults } from './options.ts';
import { createRules } from './rules.ts';
import { throttleHooks } from './throttle.ts';
import { WaitingRooms } from './waiting.ts';

/** What the policies of one configuration have in common. */
interface Common {
  readonly section: Section;
  readonly rooms: WaitingRooms;
  /** By API, which is another one when it has changed, and environment: whether a policy there replaces others. */
  readonly places: WeakMap<Api, Map<string, { isTaken: boolean }>>;
}

/** How `bind` learns what the section says. */
const Settings: ServiceToken<Common> = defineService<Common>('throttling-settings');

export default definePlugin({
  name: 'throttling',
  summary: 'Refuses calls over a limit per API, user, app or address, or of those that a rule is about.',
  dialects: { 'alibaba/trafficControl': fromAlibaba, 'huawei/rate_limit': fromHuawei },
  config: Config,
  section: { name: 'throttling', schema: Section },
  offers: [Settings],
  kind: ({ replacesOthers }) => (replacesOthers ? 'a throttling plug-in' : 'a throttling policy'),
  setup(section) {
    const common = { section: section ?? defaults, rooms: new WaitingRooms(), places: new WeakMap() };
    return { amend: () => undefined, services: [offer(Settings, common)] };
  },
  bind(config, kit) {
    checkLimits(config, kit);
    return bindPolicy(config, kit);
  },
  bindRest(section, kit) {
    const { standardHeaders, defaultPerSecond } = section ?? defaults;
    if (defaultPerSecond === 0) return undefined;
    const fallback = defaultMeasure(kit.api.name, defaultPerSecond);
    const hooks = throttleHooks({
      meters: [() => fallback],
      partition: fallback.key,
      fallback,
      tellsAlways: false,
      standardHeaders,
      counters: kit.counters,
    });
    const line = `at most ${calls(defaultPerSecond)} of the API a second, in all environments together`;
    return { ...hooks, describe: () => [line] };
  },
});

function bindPolicy(config: Config, kit: Kit): Hooks {
  const { section, rooms, places } = kit.use(Settings);
  const { standardHeaders, defaultPerSecond } = section;
  const { queue, rules = [], counting, replacesOthers } = config;
  const ofApi = places.get(kit.api) ?? new Map<string, { isTaken: boolean }>();
  places.set(kit.api, ofApi);
  const place = ofApi.get(kit.environment) ?? { isTaken: false };
  ofApi.set(kit.environment, place);
  if (replacesOthers) place.isTaken = true;
  const partition = keyPrefix(config, kit);
  const counters = counting === 'own' ? kit.ownCounters : kit.counters;
  const ofRules =
    rules.length === 0 ? undefined : createRules(config, partition, (...told) => kit.problem(...told));
  const hooks = throttleHooks({
    meters: [...createMeters(config, partition), ...(ofRules?.meters ?? [])],
    readers: ofRules?.readers,
    room: queue === undefined ? undefined : rooms.of(partition, queue, { clock: kit.clock, counters }),
    place: replacesOthers ? undefined : place,
    partition,
    fallback: defaultPerSecond === 0 ? undefined : defaultMeasure(kit.api.name, defaultPerSecond),
    tellsAlways: true,
    standardHeaders,
    counters,
  });
  const describe = (): readonly string[] =>
    place.isTaken && !replacesOthers
      ? ['not applied: another policy replaces this one']
      : describeLimits(config);
  return { ...hooks, describe };
}

// Names only: whatever a reload builds anew goes on with the counts there are.
function keyPrefix({ scope }: Config, { binding, api, environment }: Kit): string {
  return scope === 'shared' ? binding : `${binding}\0${api.name}\0${environment}`;
}
