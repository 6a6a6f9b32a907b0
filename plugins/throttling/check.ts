import { Accounts, Apps, type Kit, describeAllowed } from '#sdk';
import type { Config, Scope } from './options.ts';

const atMost: readonly (readonly [Scope, Scope])[] = [
  ['user', 'api'],
  ['app', 'user'],
  ['app', 'api'],
  ['ip', 'api'],
];

/** Reports limits that could never be reached, and apps that do not exist (guide, tables 3-18 and 3-19). */
export function checkLimits(
  { limits, exceptions = {} }: Config,
  kit: Pick<Kit, 'problem' | 'use' | 'find'>,
): void {
  if (Object.keys(limits).length === 0 && Object.keys(exceptions).length === 0) {
    kit.problem(['limits'], 'there is no limit; allowed: api, user, app, ip');
  }
  const reported = new Set<Scope>();
  for (const [smaller, larger] of atMost) {
    const found = limits[smaller];
    const most = limits[larger];
    if (found === undefined || most === undefined || found <= most || reported.has(smaller)) continue;
    reported.add(smaller);
    kit.problem(
      ['limits', smaller],
      `found ${found}; it must not exceed \`limits.${larger}\`, which is ${most}`,
    );
  }
  for (const kind of ['apps', 'tenants'] as const) {
    for (const [name, found] of Object.entries(exceptions[kind] ?? {})) {
      if (limits.api === undefined || found <= limits.api) continue;
      const message = `found ${found}; it must not exceed \`limits.api\`, which is ${limits.api}`;
      kit.problem(['exceptions', kind, name], message);
    }
  }
  // A misspelt name would leave the app under the common limit, and nobody would notice.
  for (const name of Object.keys(exceptions.apps ?? {})) {
    if (kit.use(Apps).byName(name) !== undefined) continue;
    kit.problem(['exceptions', 'apps', name], `there is no app "${name}"; allowed: the names under \`apps\``);
  }
  const accounts = kit.find(Accounts);
  if (accounts?.areAll !== true) return;
  for (const name of Object.keys(exceptions.tenants ?? {})) {
    if (accounts.names.includes(name)) continue;
    const message = `there is no account "${name}"; ${describeAllowed(accounts.names, name)}`;
    kit.problem(['exceptions', 'tenants', name], message);
  }
}
