import type { DataSet } from '#sdk';
import type { Config } from './options.ts';
import type { Verified } from './verifier.ts';

/** Why a token whose signature is right is refused. */
export interface Objection {
  /** For the caller, who has the token and may read it. */
  readonly message: string;
  /** For the log, where it says more. */
  readonly cause?: string;
}

type Claims = Readonly<Record<string, unknown>>;
type Check = (claims: Claims, nowSeconds: number) => Objection | undefined;

/** A token from the future is one of a clock that is wrong, by more than clocks differ. */
const leastLeadSeconds = 60;

const expired: Objection = { message: 'the token has expired' };
const early: Objection = { message: 'the token is not valid yet' };
const tooOld: Objection = { message: 'the token is too old' };
const foreign: Objection = { message: 'the token is not for this API' };
const refused: Objection = { message: 'the token is not accepted' };

/** Compiles what a token must say. Everything is looked at for each request: it may be otherwise the next time. */
export function compilePolicy(
  config: Config,
  blocked: DataSet | undefined,
): (verified: Verified, now: number) => Objection | undefined {
  const checks = checksOf(config, blocked);
  return ({ claims }, now) => {
    const nowSeconds = now / 1000;
    for (const check of checks) {
      const objection = check(claims, nowSeconds);
      if (objection !== undefined) return objection;
    }
    return undefined;
  };
}

function checksOf(config: Config, blocked: DataSet | undefined): readonly Check[] {
  const { issuers, audiences, allow, deny, block, maxAgeSeconds } = config;
  return [
    ...timeChecks(config),
    ...requiredOf(config).map(requires),
    ...(issuers.length > 0 ? [among('iss', issuers, foreign)] : []),
    ...(audiences.length > 0 ? [among('aud', audiences, foreign)] : []),
    ...allow.map(({ claim, values }) => among(claim, values, refused)),
    ...deny.map(({ claim, values }) => notAmong(claim, values)),
    ...(block === undefined || blocked === undefined ? [] : [unblocked(block.claim, blocked)]),
    ...(maxAgeSeconds === undefined ? [] : [notOlder(maxAgeSeconds + config.toleranceSeconds)]),
  ];
}

function requiredOf({ requiredClaims, preventReplay, block, maxAgeSeconds }: Config): readonly string[] {
  return [
    ...requiredClaims,
    ...(preventReplay ? ['jti', 'exp'] : []),
    ...(maxAgeSeconds === undefined ? [] : ['iat']),
    // What cannot be looked up cannot be blocked.
    ...(block === undefined ? [] : [block.claim]),
  ];
}

function timeChecks({ toleranceSeconds, ignoreExpiration }: Config): readonly Check[] {
  const lead = Math.max(leastLeadSeconds, toleranceSeconds);
  const inTime: Check = ({ exp, nbf, iat }, now) => {
    if (!ignoreExpiration && typeof exp === 'number' && now >= exp + toleranceSeconds) return expired;
    if (typeof nbf === 'number' && now < nbf - toleranceSeconds) return early;
    return typeof iat === 'number' && now < iat - lead ? early : undefined;
  };
  return [inTime];
}

function notOlder(seconds: number): Check {
  return ({ iat }, now) => (typeof iat === 'number' && now - iat <= seconds ? undefined : tooOld);
}

function requires(claim: string): Check {
  const missing = { message: `the token lacks the claim "${claim}"` };
  return (claims) => (Object.hasOwn(claims, claim) && claims[claim] !== null ? undefined : missing);
}

function among(claim: string, values: readonly string[], objection: Objection): Check {
  const allowed = new Set(values);
  const told = { ...objection, cause: `the claim "${claim}" is none of those allowed` };
  return (claims) => (textsOf(claims, claim).some((text) => allowed.has(text)) ? undefined : told);
}

function notAmong(claim: string, values: readonly string[]): Check {
  const denied = new Set(values);
  const told = { ...refused, cause: `the claim "${claim}" is one of those denied` };
  return (claims) => (textsOf(claims, claim).some((text) => denied.has(text)) ? told : undefined);
}

function unblocked(claim: string, set: DataSet): Check {
  const told = { ...refused, cause: `the claim "${claim}" is in the data set "${set.name}"` };
  return (claims) => (textsOf(claims, claim).some((text) => set.has(text)) ? told : undefined);
}

/** A claim as text, or what a list has as texts: `aud` may be either (RFC 7519 section 4.1.3), and so may others. */
function textsOf(claims: Claims, claim: string): readonly string[] {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((each) => textOf(each) ?? []);
}

/** A claim for somebody who reads text: an object or a list as JSON. Undefined when there is none. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
