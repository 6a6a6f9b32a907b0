import type { Limit } from '#sdk';
import { type Period, type Scope, unitMs } from './options.ts';

/** A limit, and how it is told to callers; made at load. */
export interface Allowance {
  readonly scope: Scope;
  readonly limit: number;
  readonly periodMs: number;
  readonly isBucket: boolean;
  /** What `Retry-After` says; when the next call is allowed, where it is undefined. */
  readonly retryAfterSeconds: number | undefined;
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

/** The response field of the default limit in debug mode (guide 4.3.2). */
export const defaultField = 'X-Apig-RateLimit-api-allenv';

interface AllowanceOptions {
  readonly scope: Scope;
  readonly limit: number;
  readonly period: Period;
  readonly isBucket?: boolean;
  readonly retryAfterSeconds?: number | undefined;
  /** What the limit is called in the standard fields; its scope unless given. */
  readonly label?: string;
}

export function createAllowance(options: AllowanceOptions): Allowance {
  const { scope, limit, period, isBucket = false, retryAfterSeconds, label = scope } = options;
  const { value, unit } = period;
  const periodMs = value * unitMs[unit];
  return {
    scope,
    limit,
    periodMs,
    isBucket,
    retryAfterSeconds,
    text: `limit:${limit},time:${value} ${unit}`,
    field: `X-Apig-RateLimit-${scope}`,
    label: `"${label}"`,
    policy: `"${label}";q=${limit};w=${periodMs / 1000}`,
  };
}

export function createMeasure(key: string, allowance: Allowance): Measure {
  const { limit, periodMs, isBucket } = allowance;
  return { key, limit, periodMs, isBucket, allowance };
}

/** The limit of an API that no policy is bound to, over all environments. */
export function defaultMeasure(api: string, perSecond: number): Measure {
  const period = { value: 1, unit: 'second' } as const;
  const own = createAllowance({ scope: 'api', limit: perSecond, period, label: 'default' });
  return createMeasure(`\0default\0${api}`, { ...own, field: defaultField });
}
