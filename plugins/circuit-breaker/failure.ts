import { type Exchange, type Kit, type RefusalKind, type Settled } from '#sdk';
import {
  type Condition,
  type Parameter,
  type Reader,
  type RuleNames,
  parseParameters,
  reportCondition,
  reportRule,
  requestReader,
} from '#sdk/expressions';
import type { BreakerConfig } from './options.ts';

/** What conditions are evaluated against. */
interface Facts {
  readonly exchange: Exchange;
  readonly status: number;
  readonly latencyMs: number;
}

/** Whether a call failed; undefined when it says nothing about the backend. */
export type Judge = (exchange: Exchange, settled: Settled) => boolean | undefined;

/** Refusals that are about a backend which was called. All others are about the caller, or about the gateway. */
const ofBackend: ReadonlySet<RefusalKind> = new Set([
  'backend-timeout',
  'backend-unavailable',
  'backend-no-member',
  'backend-name-unresolved',
  'function-failed',
  'function-busy',
] satisfies RefusalKind[]);

const builtIns: Readonly<Record<string, Reader<Facts>>> = {
  StatusCode: ({ status }) => status,
  LatencyMilliSeconds: ({ latencyMs }) => latencyMs,
  LatencySeconds: ({ latencyMs }) => latencyMs / 1000,
};
const scope = parseParameters({}, { phase: 'response', builtIns: Object.keys(builtIns) });

const names: RuleNames<Facts> = new Map<string, Reader<Facts>>([
  ['$context.statusCode', ({ status }) => status],
  // Whole milliseconds: a rule compares with numbers as people write them.
  ['$context.backendResponseTime', ({ latencyMs }) => Math.round(latencyMs)],
]);

function resolve(parameter: Parameter): Reader<Facts> {
  const builtIn = parameter.location === 'BuiltIn' ? builtIns[parameter.key] : undefined;
  if (builtIn !== undefined) return builtIn;
  const read = requestReader(parameter);
  return ({ exchange }) => read(exchange);
}

/** Reports a condition of the vendors', and compiles it. @param path of its text */
export function compileWhen(
  text: string,
  path: readonly (string | number)[],
  problem: Kit['problem'],
): Condition<Facts> {
  return reportCondition(text, { scope, resolve }, path, problem);
}

export function compileUnhealthy(
  text: string,
  path: readonly (string | number)[],
  problem: Kit['problem'],
): Condition<Facts> {
  return reportRule(text, names, path, problem);
}

export function compileJudge(
  { failure, when, rule }: BreakerConfig,
  path: readonly (string | number)[],
  problem: Kit['problem'],
): Judge {
  if (failure === 'timeout') {
    return (_exchange, { reply: { refusal }, source }) =>
      isAboutBackend(source, refusal?.kind) ? refusal?.kind === 'backend-timeout' : undefined;
  }
  const condition = conditionOf(when, rule, path, problem);
  return (exchange, { reply: { status, refusal }, source, backendMs }) =>
    isAboutBackend(source, refusal?.kind)
      ? condition({ exchange, status, latencyMs: backendMs ?? 0 })
      : undefined;
}

/** That it has one of the two was checked before. */
function conditionOf(
  when: string | undefined,
  rule: string | undefined,
  path: readonly (string | number)[],
  problem: Kit['problem'],
): Condition<Facts> {
  if (when !== undefined) return compileWhen(when, [...path, 'when'], problem);
  return rule === undefined ? () => false : compileUnhealthy(rule, [...path, 'rule'], problem);
}

function isAboutBackend(source: Settled['source'], kind: RefusalKind | undefined): boolean {
  return kind === undefined ? source === 'backend' : ofBackend.has(kind);
}
