import type { Exchange, Identity } from '#sdk';
import { type Allowance, type Measure, createAllowance, createMeasure } from './allowance.ts';
import type { Config, Scope } from './options.ts';

/** Says what one limit counts a request under; undefined when it does not concern the caller. */
export type Meter = (exchange: Exchange) => Measure | undefined;

type CommonLimits = Pick<Config, 'period' | 'limits' | 'exceptions' | 'retryAfterSeconds'> &
  Partial<Pick<Config, 'algorithm'>>;

/** The meters of a policy's common limits. @param prefix what keys begin with; the same after a reload */
export function createMeters(config: CommonLimits, prefix: string): readonly Meter[] {
  const { period, algorithm, limits, exceptions = {}, retryAfterSeconds } = config;
  const isBucket = algorithm === 'bucket';
  const allow = (scope: Scope) => (limit: number) =>
    createAllowance({ scope, limit, period, isBucket, retryAfterSeconds });
  const meters: Meter[] = [];
  if (limits.api !== undefined) {
    const measure = createMeasure(`${prefix}\0api`, allow('api')(limits.api));
    meters.push(() => measure);
  }
  const users = allowances(limits.user, exceptions.tenants, allow('user'));
  if (users !== undefined) meters.push(userMeter(`${prefix}\0user\0`, users));
  const apps = allowances(limits.app, exceptions.apps, allow('app'));
  if (apps !== undefined) meters.push(appMeter(`${prefix}\0app\0`, apps));
  if (limits.ip !== undefined) {
    const measureOf = remembering(`${prefix}\0ip\0`);
    const allowance = allow('ip')(limits.ip);
    meters.push(({ clientAddress }) => measureOf(clientAddress, allowance));
  }
  return meters;
}

/** How many measures of callers each meter keeps: few, as there are meters for every API. */
const keptMeasures = 16;

/** The measures of callers who keep calling: a key that is made anew has to be hashed again, too. */
function remembering(prefix: string): (caller: string, allowance: Allowance) => Measure {
  const known = new Map<string, Measure>();
  return (caller, allowance) => {
    const before = known.get(caller);
    if (before !== undefined && before.allowance === allowance) return before;
    const measure = createMeasure(prefix + caller, allowance);
    if (known.size >= keptMeasures) known.clear();
    known.set(caller, measure);
    return measure;
  };
}

interface Allowances {
  readonly common: Allowance | undefined;
  /** By id or name of the app, or by name of the account. */
  readonly exceptions: ReadonlyMap<string, Allowance>;
}

function allowances(
  common: number | undefined,
  exceptions: Readonly<Record<string, number>> = {},
  allow: (limit: number) => Allowance,
): Allowances | undefined {
  const named = Object.entries(exceptions).map(([name, limit]) => [name, allow(limit)] as const);
  if (common === undefined && named.length === 0) return undefined;
  return { common: common === undefined ? undefined : allow(common), exceptions: new Map(named) };
}

function appMeter(prefix: string, { common, exceptions }: Allowances): Meter {
  const measureOf = remembering(prefix);
  return ({ identity }) => {
    const app = identity?.app;
    if (app === undefined) return undefined;
    const allowance = exceptions.get(app.id) ?? exceptions.get(app.name) ?? common;
    return allowance === undefined ? undefined : measureOf(app.id, allowance);
  };
}

function userMeter(prefix: string, { common, exceptions }: Allowances): Meter {
  const measureOf = remembering(prefix);
  return ({ identity }) => {
    if (identity === null) return undefined;
    const account = identity.user?.account ?? '';
    const allowance = exceptions.get(account) ?? common;
    const caller = allowance === undefined ? undefined : callerOf(identity, account);
    return allowance === undefined || caller === undefined ? undefined : measureOf(caller, allowance);
  };
}

/**
 * All users of an account count together, as the guide's note to "Max. User Requests" and the tenants' thresholds, which
 * replace it, have it. An app that nobody is named as the owner of is a user by itself.
 */
function callerOf({ user, app }: Identity, account: string): string | undefined {
  if (account !== '') return `account\0${account}`;
  if (user !== undefined) return `user\0${user.id}`;
  return app === undefined ? undefined : `app\0${app.id}`;
}
