import type { Config, Period } from './options.ts';

const whose = {
  api: 'of the API',
  user: 'by one user',
  app: 'by one app',
  ip: 'from one address',
} as const;

/** The limits of a policy in words. */
export function describeLimits(config: Config): readonly string[] {
  const { scope, limits, exceptions = {}, rules = [], ruleChoice, queue } = config;
  const together = scope === 'shared' ? ', all APIs of this policy together' : '';
  const own = config.counting === 'own' ? ', each machine by itself' : '';
  const shared = together + own;
  const time = inWords(config.period, config.algorithm);
  const lines: string[] = [];
  for (const each of ['api', 'user', 'app', 'ip'] as const) {
    const limit = limits[each];
    if (limit !== undefined) lines.push(`at most ${calls(limit)} ${whose[each]} ${time}${shared}`);
  }
  for (const [kind, names] of [
    ['app', exceptions.apps],
    ['account', exceptions.tenants],
  ] as const) {
    for (const [name, limit] of Object.entries(names ?? {}))
      lines.push(`at most ${calls(limit)} by the ${kind} ${name} ${time}${shared}`);
  }
  for (const rule of rules) {
    const { name, by, condition, match, limit, period = config.period, algorithm = config.algorithm } = rule;
    const values = by === undefined ? '' : ` with the same ${by.join(', ')}`;
    const conditions = [condition, match].filter((text) => text !== undefined);
    const when = conditions.length === 0 ? '' : `, where ${conditions.join(' and ')}`;
    lines.push(
      `rule ${name}: at most ${calls(limit)}${values} ${inWords(period, algorithm)}${shared}${when}`,
    );
  }
  if (rules.length > 1 && ruleChoice === 'first')
    lines.push('of these rules, the first that is about a call');
  if (queue !== undefined)
    lines.push(`up to ${calls(queue.length)} over a limit wait, ${queue.waitMs} ms at most`);
  return lines;
}

function inWords({ value, unit }: Period, algorithm: Config['algorithm']): string {
  const time = value === 1 ? `a ${unit}` : `in ${value} ${unit}s`;
  return algorithm === 'bucket' ? `at once, and ${time} on average` : time;
}

export function calls(limit: number): string {
  return limit === 1 ? '1 call' : `${limit} calls`;
}
