import { type Kit, type ServiceToken, defineService, definePlugin, offer } from '#sdk';
import { checkLimits } from './check.ts';
import { calls, describeLimits } from './describe.ts';
import { createMeters, defaultMeasure } from './meters.ts';
import { Config, Section, defaults } from './options.ts';
import { throttleHooks } from './throttle.ts';

/** How `bind` learns what the section says. */
const Settings: ServiceToken<Section> = defineService<Section>('throttling-settings');

export default definePlugin({
  name: 'throttling',
  summary: 'Refuses calls over a limit per API, user, app or address.',
  config: Config,
  section: { name: 'throttling', schema: Section },
  offers: [Settings],
  setup(section) {
    return { services: [offer(Settings, section ?? defaults)] };
  },
  bind(config, kit) {
    checkLimits(config, kit);
    const { standardHeaders, defaultPerSecond } = kit.use(Settings);
    const prefix = keyPrefix(config, kit);
    const hooks = throttleHooks({
      meters: createMeters(config, prefix),
      partition: prefix,
      fallback: defaultPerSecond === 0 ? undefined : defaultMeasure(kit.api.name, defaultPerSecond),
      tellsAlways: true,
      standardHeaders,
      counters: kit.counters,
    });
    return { ...hooks, describe: () => describeLimits(config) };
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

// Names only: whatever a reload builds anew goes on with the counts there are.
function keyPrefix({ scope }: Config, { binding, api, environment }: Kit): string {
  return scope === 'shared' ? binding : `${binding}\0${api.name}\0${environment}`;
}
