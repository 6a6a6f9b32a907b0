import { hash } from 'node:crypto';
import { type App, type Reply, type Values, refuse } from '#sdk';

/** A nonce is a UUID; what is much longer is kept as its hash, so that callers do not decide how much is kept. */
const maxKept = 64;

/** The app, if it never used the nonce in this time; a refusal if it did, or if nobody can tell. */
export function claimNonce(
  values: Values,
  app: App,
  nonce: string,
  ttlMs: number,
): App | Reply | Promise<App | Reply> {
  const kept = nonce.length <= maxKept ? nonce : hash('sha256', nonce, 'base64');
  const outcome = (isFirst: boolean): App | Reply => (isFirst ? app : refuse('app-auth-nonce-used'));
  try {
    const claimed = values.claim(`${app.key}\0${kept}`, Math.max(1, ttlMs));
    return typeof claimed === 'boolean' ? outcome(claimed) : claimed.then(outcome, unavailable);
  } catch (error) {
    return unavailable(error);
  }
}

function unavailable(error: unknown): Reply {
  const reason = error instanceof Error ? error.message : 'it failed';
  return refuse('state-unavailable', { cause: `nonces cannot be checked: ${reason}` });
}
