import { Accounts, Apps, type Kit, describeAllowed } from '#sdk';
import type { Config } from './options.ts';

type Problem = Kit['problem'];

/** Limits of one policy, under the names that the document at hand has for them. */
interface Order {
  readonly name: string;
  readonly limit: number | undefined;
  /** Names of those that it must not exceed, the nearest first. */
  readonly atMost: readonly string[];
}

/** Reports limits that could never be reached (guide, tables 3-18 and 3-19). */
export function checkOrder(limits: readonly Order[], problem: (name: string, message: string) => void): void {
  const byName = new Map(limits.map(({ name, limit }) => [name, limit]));
  for (const { name, limit, atMost } of limits) {
    const larger = atMost.find((each) => limit !== undefined && limit > (byName.get(each) ?? Infinity));
    if (larger === undefined) continue;
    const shown = `which is ${byName.get(larger)}`;
    problem(name, `found ${limit}; it must not exceed \`${larger}\`, ${shown}`);
  }
}

/** Reports limits that could never be reached, and apps that do not exist. */
export function checkLimits(config: Config, kit: Pick<Kit, 'problem' | 'use' | 'find'>): void {
  const { limits, exceptions = {}, rules = [] } = config;
  if (Object.keys(limits).length === 0 && Object.keys(exceptions).length === 0 && rules.length === 0) {
    kit.problem(['limits'], 'there is no limit; allowed: api, user, app, ip');
  }
  checkOrder(
    [
      { name: 'limits.api', limit: limits.api, atMost: [] },
      { name: 'limits.user', limit: limits.user, atMost: ['limits.api'] },
      { name: 'limits.app', limit: limits.app, atMost: ['limits.user', 'limits.api'] },
      { name: 'limits.ip', limit: limits.ip, atMost: ['limits.api'] },
    ],
    (name, message) => kit.problem(name.split('.'), message),
  );
  for (const kind of ['apps', 'tenants'] as const) {
    for (const [name, found] of Object.entries(exceptions[kind] ?? {})) {
      if (limits.api === undefined || found <= limits.api) continue;
      const message = `found ${found}; it must not exceed \`limits.api\`, which is ${limits.api}`;
      kit.problem(['exceptions', kind, name], message);
    }
  }
  checkQueue(config, kit.problem);
  checkNames(exceptions, kit);
}

function checkQueue({ queue, algorithm, rules = [] }: Config, problem: Problem): void {
  if (queue === undefined || algorithm === 'bucket' || rules.some((rule) => rule.algorithm === 'bucket'))
    return;
  problem(['queue'], 'calls wait for a bucket only; allowed with `algorithm: bucket`');
}

/** A misspelt name would leave the app under the common limit, and nobody would notice. */
function checkNames(
  exceptions: NonNullable<Config['exceptions']>,
  kit: Pick<Kit, 'problem' | 'use' | 'find'>,
): void {
  for (const name of Object.keys(exceptions.apps ?? {})) {
    const apps = kit.use(Apps);
    if ((apps.byId?.(name) ?? apps.byName(name)) !== undefined) continue;
    const message = `there is no app "${name}"; allowed: the ids and names under \`apps\``;
    kit.problem(['exceptions', 'apps', name], message);
  }
  const accounts = kit.find(Accounts);
  if (accounts?.areAll !== true) return;
  for (const name of Object.keys(exceptions.tenants ?? {})) {
    if (accounts.names.includes(name)) continue;
    const message = `there is no account "${name}"; ${describeAllowed(accounts.names, name)}`;
    kit.problem(['exceptions', 'tenants', name], message);
  }
}
