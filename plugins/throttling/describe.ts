import type { Config } from './options.ts';

const whose = {
  api: 'of the API',
  user: 'by one user',
  app: 'by one app',
  ip: 'from one address',
} as const;

/** The limits of a policy in words. */
export function describeLimits({ scope, period, limits, exceptions = {} }: Config): readonly string[] {
  const { value, unit } = period;
  const time = value === 1 ? `a ${unit}` : `in ${value} ${unit}s`;
  const shared = scope === 'shared' ? ', all APIs of this policy together' : '';
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
  return lines;
}

export function calls(limit: number): string {
  return limit === 1 ? '1 call' : `${limit} calls`;
}
