import type { Exchange, Identity, Limit } from '#sdk';
import { type Config, type Scope, unitMs } from './options.ts';

/** A limit, and how it is told to callers; made at load. */
interface Allowance {
  readonly scope: Scope;
  readonly limit: number;
  readonly periodMs: number;
  /** `limit:10,time:1 minute`. */
  readonly text: string;
  /** Response field in debug mode. */
  readonly field: string;
  /** The policy's name in `RateLimit`, a Structured Field string (RFC 9651), quotes included. */
  readonly label: string;
  /** Its item of `RateLimit-Policy`. */
  readonly policy: string;
}

/** An allowance as it applies to one caller. */
export interface Measure extends Limit {
  readonly allowance: Allowance;
}

/** Says what one limit counts a request under; undefined when it does not concern the caller. */
export type Meter = (exchange: Exchange) => Measure | undefined;

/** The response field of the default limit in debug mode (guide 4.3.2). */
export const defaultField = 'X-Apig-RateLimit-api-allenv';

type Period = Config['period'];

/** The meters of a policy. @param prefix what keys begin with; the same after a reload */
export function createMeters({ period, limits, exceptions = {} }: Config, prefix: string): readonly Meter[] {
  const allow = (scope: Scope) => (limit: number) => createAllowance(scope, limit, period);
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
    const allowance = allow('ip')(limits.ip);
    meters.push(({ clientAddress }) => createMeasure(`${prefix}\0ip\0${clientAddress}`, allowance));
  }
  return meters;
}

/** The limit of an API that no policy is bound to, over all environments. */
export function defaultMeasure(api: string, perSecond: number): Measure {
  const own = createAllowance('api', perSecond, { value: 1, unit: 'second' });
  const allowance = {
    ...own,
    field: defaultField,
    label: '"default"',
    policy: own.policy.replace('api', 'default'),
  };
  return createMeasure(`\0default\0${api}`, allowance);
}

function createAllowance(scope: Scope, limit: number, { value, unit }: Period): Allowance {
  const periodMs = value * unitMs[unit];
  return {
    scope,
    limit,
    periodMs,
    text: `limit:${limit},time:${value} ${unit}`,
    field: `X-Apig-RateLimit-${scope}`,
    label: `"${scope}"`,
    policy: `"${scope}";q=${limit};w=${periodMs / 1000}`,
  };
}

function createMeasure(key: string, allowance: Allowance): Measure {
  return { key, limit: allowance.limit, periodMs: allowance.periodMs, allowance };
}

interface Allowances {
  readonly common: Allowance | undefined;
  /** By name of the app or account. */
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
  return ({ identity }) => {
    const app = identity?.app;
    if (app === undefined) return undefined;
    const allowance = exceptions.get(app.name) ?? common;
    return allowance === undefined ? undefined : createMeasure(prefix + app.id, allowance);
  };
}

function userMeter(prefix: string, { common, exceptions }: Allowances): Meter {
  return ({ identity }) => {
    if (identity === null) return undefined;
    const account = identity.user?.account ?? '';
    const allowance = exceptions.get(account) ?? common;
    const caller = allowance === undefined ? undefined : callerOf(identity, account);
    return allowance === undefined || caller === undefined
      ? undefined
      : createMeasure(prefix + caller, allowance);
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
