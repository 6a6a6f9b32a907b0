import { type Backend, type Exchange, type Hooks, type Kit, definePlugin } from '#sdk';
import { type Definition, mergeBackend } from '#sdk/backends';
import { reportRule, ruleReaders } from '#sdk/expressions';
import { circuitBreaker } from './alibaba.ts';
import { reportBreaker } from './check.ts';
import { Circuit, type Change } from './circuit.ts';
import { compileJudge } from './failure.ts';
import { type Level, guard, settingsOf } from './guard.ts';
import { breaker as fromHuawei } from './huawei.ts';
import { type Place, keptBy } from './kept.ts';
import { type BreakerConfig, Config } from './options.ts';
import { inWords } from './words.ts';

type Path = readonly (string | number)[];

export default definePlugin({
  name: 'circuit-breaker',
  summary: 'Stops calling a backend that fails too often, for a time, and lets something else answer.',
  config: Config,
  dialects: { 'alibaba/circuitBreaker': circuitBreaker, 'huawei/breaker': fromHuawei },
  setup: (_section, { log, clock }) => ({ status: () => keptBy(log).status(clock.now()) }),
  bind(config: Config, kit): Hooks {
    const levels = new Levels(config, kit);
    return {
      backendRouting: { stage: 'guard', handle: (exchange) => guard(levels.of(exchange), exchange, kit) },
      describe: (exchange) => inWords(config, levels.of(exchange).circuit.status(kit.clock.now())),
      dispose: () => levels.dispose(),
    };
  },
});

/** The circuits of one API in one environment: of its rules, and of all other calls. */
class Levels {
  readonly #config: Config;
  readonly #kit: Kit;
  readonly #releases: (() => void)[] = [];
  readonly #rules: readonly { readonly matches: (exchange: Exchange) => boolean; readonly level: Level }[];
  readonly #default: Level;

  constructor(config: Config, kit: Kit) {
    this.#config = config;
    this.#kit = kit;
    const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
    this.#default = this.#level(
      undefined,
      config.breaker,
      ['breaker'],
      this.#backend(config.fallback, ['fallback']),
    );
    const names = ruleReaders(config.parameters, ['parameters'], problem);
    this.#rules = config.rules.map(({ name, match, breaker, fallback }, index) => {
      const path: Path = ['rules', index];
      const twin = config.rules.findIndex((rule) => rule.name === name);
      if (twin < index)
        problem(
          [...path, 'name'],
          `found "${name}", as in rules[${twin}]; allowed: a name that no other one has`,
        );
      const standIn =
        fallback === undefined ? this.#default.fallback : this.#backend(fallback, [...path, 'fallback']);
      return {
        matches: reportRule(match, names, [...path, 'match'], problem),
        // Without a breaker of its own it counts with all others; only what stands in is another.
        level:
          breaker === undefined
            ? { ...this.#default, fallback: standIn }
            : this.#level(name, breaker, [...path, 'breaker'], standIn),
      };
    });
  }

  of(exchange: Exchange): Level {
    for (const { matches, level } of this.#rules) if (matches(exchange)) return level;
    return this.#default;
  }

  dispose(): void {
    for (const release of this.#releases) release();
  }

  #level(rule: string | undefined, breaker: BreakerConfig, path: Path, fallback: Level['fallback']): Level {
    const { log, binding, api, environment } = this.#kit;
    const problem: Kit['problem'] = (at, message, offset) => this.#kit.problem(at, message, offset);
    reportBreaker(breaker, path, problem);
    const place: Place = {
      binding,
      ...(this.#config.scope === 'binding' ? {} : { api: api.name, environment }),
      ...(rule === undefined ? {} : { rule }),
    };
    // With other settings it is another circuit, which begins closed.
    const key = JSON.stringify([place, breaker]);
    const { circuit, release } = keptBy(log).hold(
      key,
      place,
      () => new Circuit(settingsOf(breaker), (change) => tell(log, place, change)),
    );
    this.#releases.push(release);
    return { circuit, judge: compileJudge(breaker, path, problem), fallback };
  }

  #backend(definition: Definition | undefined, path: Path): Backend | 'passthrough' | undefined {
    if (definition === undefined) return undefined;
    if (definition['type'] === 'passthrough') {
      for (const field of Object.keys(definition))
        if (field !== 'type') this.#kit.problem([...path, field], 'a passthrough has no other fields');
      return 'passthrough';
    }
    const { vpcAccessName: _name, ...merged } = isWhole(definition)
      ? definition
      : mergeBackend(this.#kit.api.definition['backend'] as Definition, definition);
    return this.#kit.backend(merged, path);
  }
}

/** One that names no server is another path, or another timeout, of the API's own backend. */
function isWhole({ type, address, channel, vpcAccessName }: Definition): boolean {
  if (type !== undefined && type !== 'http') return true;
  return address !== undefined || channel !== undefined || vpcAccessName !== undefined;
}

function tell(log: Kit['log'], place: Place, { from, to, calls, failures }: Change): void {
  const fields = { ...place, from, to, ...(to === 'open' && from === 'closed' ? { calls, failures } : {}) };
  if (to === 'open') log.warn(fields, 'a circuit opened');
  else log.info(fields, to === 'closed' ? 'a circuit closed' : 'a circuit is half open');
}
