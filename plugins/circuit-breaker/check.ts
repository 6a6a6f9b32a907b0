import type { Kit } from '#sdk';
import type { BreakerConfig } from './options.ts';

/** Reports what no single option of a breaker shows. */
export function reportBreaker(
  breaker: BreakerConfig,
  path: readonly (string | number)[],
  problem: Kit['problem'],
): void {
  const { failure, when, rule, threshold, percentage, minCalls } = breaker;
  if (failure === 'condition' && (when === undefined) === (rule === undefined))
    problem(path, '`failure: condition` must have "when" or "rule", and one of them only');
  for (const [field, text] of [
    ['when', when],
    ['rule', rule],
  ] as const) {
    if (failure === 'timeout' && text !== undefined)
      problem([...path, field], 'allowed only with `failure: condition`');
  }
  if ((threshold === undefined) === (percentage === undefined))
    problem(path, 'a breaker must have "threshold" or "percentage", and one of them only');
  if (minCalls !== undefined && percentage === undefined)
    problem([...path, 'minCalls'], 'allowed only with "percentage"');
}
