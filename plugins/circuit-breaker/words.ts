import type { CircuitStatus } from './circuit.ts';
import type { BreakerConfig, Config } from './options.ts';

/** What a breaker does, and how its circuit for a request is, in words. */
export function inWords({ breaker, fallback, rules, scope }: Config, status: CircuitStatus): string[] {
  return [
    `${oneInWords(breaker)}; ${standIn(fallback)}`,
    ...rules.map(
      (rule) =>
        `rule ${rule.name}, ${rule.match}: ${rule.breaker === undefined ? 'the same' : oneInWords(rule.breaker)}; ${standIn(rule.fallback ?? fallback)}`,
    ),
    `counted by this process alone, ${scope === 'api' ? 'for this API' : 'for all APIs it is bound to together'}`,
    `the circuit of this request: ${status.state}, ${status.failures} of ${status.calls} calls failed lately`,
  ];
}

function oneInWords(breaker: BreakerConfig): string {
  const { failure, when, rule, threshold, percentage, minCalls = 1, windowSeconds, openSeconds } = breaker;
  const what = failure === 'timeout' ? 'backend timeouts' : `answers with ${when ?? rule}`;
  const limit =
    threshold === undefined
      ? `${percentage} per cent of at least ${minCalls} calls`
      : `${threshold} in ${windowSeconds} s`;
  const window = threshold === undefined ? ` in a window of ${windowSeconds} s` : '';
  return `opens for ${openSeconds} s at ${limit}${window}: ${what}`;
}

function standIn(fallback: Config['fallback']): string {
  const type = fallback?.['type'];
  if (fallback === undefined) return 'calls are then refused';
  return type === 'passthrough'
    ? 'the backend is then called all the same'
    : `then answers a backend ${typeof type === 'string' ? `of the type ${type}` : 'put over its own'}`;
}
