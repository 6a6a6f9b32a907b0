import {
  type Api,
  type Kit,
  type LogMask,
  LogMasks,
  type ServiceToken,
  defineDialect,
  definePlugin,
  defineService,
  offer,
} from '#sdk';
import { compileMask, isContent } from './mask.ts';
import { Config } from './options.ts';

/** The masks of one configuration. */
class Masks implements LogMasks {
  readonly #all = new WeakMap<Api, Map<string, LogMask>>();

  of(api: Api, environment: string): LogMask | undefined {
    return this.#all.get(api)?.get(environment);
  }

  add(api: Api, environment: string, mask: LogMask): void {
    const there = this.#all.get(api) ?? new Map<string, LogMask>();
    this.#all.set(api, there.set(environment, mask));
  }
}

/** How `bind` gets what `setup` made. */
const Own: ServiceToken<Masks> = defineService<Masks>('own-log-masks');

export default definePlugin({
  name: 'log-mask',
  summary: 'Hides parts of requests and answers from the logs.',
  config: Config,
  dialects: { 'alibaba/logMask': defineDialect(Config, (document: Config): Config => document) },
  offers: [LogMasks, Own],
  setup() {
    const masks = new Masks();
    return { services: [offer(LogMasks, masks), offer(Own, masks)] };
  },
  bind({ rules }: Config, kit) {
    report(rules, kit);
    // Not at a hook: a request that is refused before it is logged too.
    kit.use(Own).add(kit.api, kit.environment, compileMask(rules));
    return {
      describe: () =>
        rules.map(
          ({ location, parameters, matchMode, policy }) =>
            `in logs ${location} ${parameters?.join(', ') ?? matchMode ?? 'whole'}: ${policy}`,
        ),
    };
  },
});

/** A rule that never hides anything is a mistake that nobody would notice. */
function report(rules: Config['rules'], kit: Kit): void {
  for (const [index, { location, parameters, matchMode }] of rules.entries()) {
    const path = ['rules', index];
    if (isContent(location) && parameters !== undefined)
      kit.problem(
        [...path, 'parameters'],
        `${location} has no parameters; allowed: matchMode, or neither for all of it`,
      );
    if (!isContent(location) && matchMode !== undefined)
      kit.problem(
        [...path, 'matchMode'],
        `only content has a matchMode; allowed for ${location}: parameters`,
      );
    if (!isContent(location) && parameters === undefined)
      kit.problem(path, `"parameters" is missing: which of ${location} is meant`);
  }
}
