import { type Exchange, type Hooks, type Kit, defineDialect } from '#sdk';
import { type EngineRoute, compileRoutes } from './engine.ts';
import { reportTwins } from './options.ts';
import { type PolicyCondition, compilePolicyCondition } from './policy-condition.ts';
import { Policies, type PolicyConfig } from './policy-options.ts';

/** What the API field `policies` holds: the vendor's backend policies (guide 3.2.1, tables 3-10 and 3-11). */
export const policies = defineDialect(Policies, (list): readonly PolicyConfig[] => list);

interface Policy extends EngineRoute {
  readonly config: PolicyConfig;
  readonly conditions: readonly PolicyCondition[];
}

/** Compiles policies for one API and environment. */
export function policyHooks(list: readonly PolicyConfig[], kit: Kit): Hooks {
  reportTwins(list, [], (path, message) => kit.problem(path, message));
  const compiled = list.map((config, index) => compilePolicy(config, index, kit));
  if (compiled.length === 0) return {};
  return { backendRouting: compileRoutes(compiled), describe: (exchange) => describe(compiled, exchange) };
}

function compilePolicy(config: PolicyConfig, index: number, kit: Kit): Policy {
  const conditions = config.conditions.map((condition, place) =>
    compilePolicyCondition(condition, [index, 'conditions', place], kit),
  );
  const isAny = config.match === 'any';
  return {
    name: config.name,
    config,
    conditions,
    matches: (exchange) =>
      isAny
        ? conditions.some((condition) => condition.holds(exchange))
        : conditions.every((condition) => condition.holds(exchange)),
    backend: kit.backend(config.backend, [index, 'backend']),
  };
}

type Verdict = 'yes' | 'no' | 'depends on who calls';

function describe(list: readonly Policy[], exchange: Exchange): string[] {
  const lines: string[] = [];
  let chosen: string | undefined;
  for (const { name, config, conditions } of list) {
    const verdicts = conditions.map((condition): Verdict => verdictOf(condition, exchange));
    const verdict = together(verdicts, config.match);
    lines.push(
      `policy ${name} (${config.match} of ${conditions.length}, backend ${config.backend.type}): ${verdict}`,
    );
    for (const [index, { text }] of conditions.entries()) lines.push(`  ${text}: ${verdicts[index] ?? ''}`);
    if (verdict === 'yes') chosen ??= `the backend of ${name}`;
    else if (verdict !== 'no') chosen ??= verdict;
  }
  return [...lines, `this request: ${chosen ?? "the API's own backend"}`];
}

function verdictOf(condition: PolicyCondition, exchange: Exchange): Verdict {
  if (condition.needsCaller) return 'depends on who calls';
  return condition.holds(exchange) ? 'yes' : 'no';
}

/** What decides `any` is a yes, and `all` a no; without one, what is not known keeps the whole from being known. */
function together(verdicts: readonly Verdict[], match: PolicyConfig['match']): Verdict {
  const [deciding, other] = match === 'any' ? (['yes', 'no'] as const) : (['no', 'yes'] as const);
  if (verdicts.includes(deciding)) return deciding;
  return verdicts.every((verdict) => verdict === other) ? other : 'depends on who calls';
}
