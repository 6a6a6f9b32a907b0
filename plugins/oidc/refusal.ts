import { type RefusalDetails, type Reply, refuse } from '#sdk';
import { StoreTrouble } from './reachable.ts';
import { ProviderTrouble, Refused } from './trouble.ts';

/**
 * What is answered to a request that failed with this.
 * @param kind for what the provider refused, or said and must not be believed
 * @throws the error itself when it is a defect
 */
export function refusalFor(
  error: unknown,
  kind: 'oidc-token-failed' | 'oidc-code-flow-failed',
  headers: RefusalDetails['headers'] = {},
): Reply {
  const fields = { 'cache-control': 'no-store', ...headers };
  if (error instanceof StoreTrouble)
    return refuse('state-unavailable', { cause: error.message, headers: fields });
  if (error instanceof ProviderTrouble)
    return refuse('oidc-discovery-failed', { cause: error.message, headers: fields });
  if (error instanceof Refused) return refuse(kind, { cause: error.message, headers: fields });
  throw error;
}
