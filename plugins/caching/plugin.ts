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
import { describeCache } from './describe.ts';
import { alibaba, huawei } from './dialects.ts';
import { compileCallers, compileKey } from './key.ts';
import { Config, Section, defaults } from './options.ts';
import { compileRules } from './rules.ts';
import { purgePage } from './purge.ts';
import { type SharedMemory, figuresName, sharedMemory } from './shared-memory.ts';
import { SharedStore } from './shared-store.ts';
import { StatusLines, pendingStatus } from './status-line.ts';
import { WorkerStore } from './worker-store.ts';

/** What the caches of one configuration have in common. */
interface Common {
  readonly memory: SharedMemory;
  readonly own: WorkerStore;
  readonly shared: SharedStore;
  /** Whether any of them keeps its answers in the shared store. */
  isSharedUsed: boolean;
  /** `API environment` of each. */
  readonly bound: Set<string>;
}

/** How `bind` gets it. */
const Caches: ServiceToken<Common> = defineService<Common>('caching-common');

export default definePlugin({
  name: 'caching',
  summary: 'Answers from what a backend said before: a shared HTTP cache (RFC 9111).',
  config: Config,
  dialects: { 'alibaba/caching': alibaba, 'huawei/proxy_cache': huawei },
  section: { name: 'caching', schema: Section },
  offers: [Caches],
  setup(section: Section | undefined, kit) {
    const memory = sharedMemory(kit.log);
    const { store } = memory;
    const shared = new SharedStore(kit.values, kit.clock);
    const own = new WorkerStore(memory, kit.machine);
    const common: Common = { memory, own, shared, isSharedUsed: false, bound: new Set() };
    return {
      services: [offer(Caches, common)],
      activate: () => store.resize((section ?? defaults).maxBytes),
      management: purgePage(store, () => (common.isSharedUsed ? shared : undefined), kit.environments),
      status() {
        const { bytes, maxBytes, size, evictions } = store;
        return {
          memory: { bytes, maxBytes, answers: size, evictions },
          asking: memory.flights.size,
          apis: memory.figures(common.bound),
        };
      },
      dispose: () => own[Symbol.dispose](),
    };
  },
  bind(config: Config, kit): Hooks {
    const common = kit.use(Caches);
    const { memory, own, shared } = common;
    common.isSharedUsed ||= config.store === 'shared';
    const name = figuresName(kit.api.name, kit.environment);
    common.bound.add(name);
    const lines = config.cacheStatus === undefined ? undefined : new StatusLines(config.cacheStatus);
    const cache = new Cache(
      {
        rules: compileRules(config),
        store: config.store === 'shared' ? shared : own,
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
    const hooks: Hooks = {
      auth: { stage: 'serve', handle: (exchange) => cache.handle(exchange) },
      describe: () => describeCache(config),
      dispose: () => void common.bound.delete(name),
    };
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
