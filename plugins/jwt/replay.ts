import { hash } from 'node:crypto';
import { type Reply, type Values, refuse } from '#sdk';
import { fault } from './fault.ts';
import type { Verified } from './verifier.ts';

/** Refuses a token that was there before, or all while nobody can tell. The token has `jti` and `exp`. */
export function claimToken(
  values: Values,
  { claims }: Verified,
  now: number,
  toleranceSeconds: number,
): Reply | undefined | Promise<Reply | undefined> {
  const { iss, jti, exp } = claims;
  // A hash, so that callers do not decide how much is kept.
  const key = hash('sha256', JSON.stringify([iss, jti]), 'base64');
  const ttlMs = Math.max(1, Math.ceil((Number(exp) + toleranceSeconds) * 1000 - now));
  try {
    const claimed = values.claim(key, ttlMs);
    return typeof claimed === 'boolean' ? outcome(claimed) : claimed.then(outcome, unavailable);
  } catch (error) {
    return unavailable(error);
  }
}

function outcome(isFirst: boolean): Reply | undefined {
  return isFirst ? undefined : fault('the token was used before');
}

function unavailable(error: unknown): Reply {
  const reason = error instanceof Error ? error.message : 'it failed';
  return refuse('state-unavailable', { cause: `tokens cannot be checked for replay: ${reason}` });
}
