import {
  type Exchange,
  type Hooks,
  type Kit,
  type ServiceToken,
  definePlugin,
  defineService,
  offer,
} from '#sdk';
import { Cache, type Reading } from './cache.ts';
import { compileCallers, compileKey } from './key.ts';
import { Config, Section, defaults } from './options.ts';
import { compileRules } from './rules.ts';
import { SharedMemory, sharedMemory } from './shared-memory.ts';
import { StatusLines, pendingStatus } from './status-line.ts';

/** How `bind` gets what all caches have in common. */
const Memory: ServiceToken<SharedMemory> = defineService<SharedMemory>('caching-memory');

export default definePlugin({
  name: 'caching',
  summary: 'Answers from what a backend said before: a shared HTTP cache (RFC 9111).',
  config: Config,
  section: { name: 'caching', schema: Section },
  offers: [Memory],
  setup(section: Section | undefined, kit) {
    const memory = sharedMemory(kit.log);
    return {
      services: [offer(Memory, memory)],
      activate: () => memory.store.resize((section ?? defaults).maxBytes),
    };
  },
  bind(config: Config, kit): Hooks {
    const memory = kit.use(Memory);
    const lines = config.cacheStatus === undefined ? undefined : new StatusLines(config.cacheStatus);
    const cache = new Cache(
      {
        rules: compileRules(config),
        store: memory.store,
        flights: memory.flights,
        figures: memory.figuresOf(kit.api.name, kit.environment),
        clock: kit.clock,
        log: kit.log,
        maxAnswerBytes: config.maxAnswerBytes,
        collapseTimeoutMs: config.collapseTimeoutMs,
        lines,
        hitField: config.hitField,
      },
      readingOf(config, kit),
    );
    const hooks: Hooks = { auth: { stage: 'serve', handle: (exchange) => cache.handle(exchange) } };
    if (lines === undefined) return hooks;
    return {
      ...hooks,
      response({ exchange, headers }) {
        const line = exchange.notes.get(pendingStatus);
        if (line !== undefined) headers.append('Cache-Status', line);
        return undefined;
      },
    };
  },
});

function readingOf(config: Config, kit: Kit): Reading {
  const { mode, apps } = config.callerCacheControl;
  const named = new Set(apps);
  const { subdomain } = kit.api.group.definition as { readonly subdomain?: string };
  const excluded = config.onDebugDomain ? undefined : subdomain?.toLowerCase();
  return {
    methods: new Set<string>(config.methods),
    obeys: mode === 'apps' ? (exchange) => isNamed(exchange, named) : () => mode === 'all',
    callerOf: compileCallers(config.callers),
    placeOf: compileKey(config, kit),
    serves: ({ host }) => excluded === undefined || host !== excluded,
  };
}

function isNamed({ identity }: Exchange, apps: ReadonlySet<string>): boolean {
  const app = identity?.app;
  return app !== undefined && (apps.has(app.id) || apps.has(app.key) || apps.has(app.name));
}
