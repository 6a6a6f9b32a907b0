import { type Arrival, type Reply, refuse, reply } from '#sdk';
import { cookieName, dropCookie, readCookie } from './cookies.ts';
import type { Party } from './party.ts';
import { isOwnPage, originOf } from './place.ts';
import { StoreTrouble } from './reachable.ts';
import { refusalFor } from './refusal.ts';
import type { Session } from './sessions.ts';
import { wordOf } from './trouble.ts';

/** Ends a session, here and at the provider (OpenID Connect RP-Initiated Logout 1.0). */
export async function signOut(party: Party, request: Arrival): Promise<Reply> {
  const { config, sessions } = party;
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'POST')
    return refuse('bad-request', { status: 405, headers: { allow: 'GET, POST' } });
  const origin = originOf(request, config.origin);
  // Any page of the web may have a link here.
  if (!isOwnPage(request, origin))
    return refuse('access-denied', { message: 'Sign out from a page of this site.' });
  const name = cookieName(party.name, origin.startsWith('https:'));
  const id = readCookie(headers, name);
  const { afterLogout } = config;
  const afterwards = afterLogout?.startsWith('/') === true ? origin + afterLogout : afterLogout;
  try {
    const found = await sessions.find(id);
    if (found !== undefined) await sessions.end(found);
    const location = (found && (await atProvider(party, found.session, afterwards))) ?? afterwards;
    const fields = {
      'cache-control': 'no-store',
      ...(id !== undefined && { 'set-cookie': dropCookie(name) }),
    };
    if (location === undefined)
      return reply(200, { ...fields, 'content-type': 'text/plain' }, 'Signed out.\n');
    return reply(method === 'GET' ? 302 : 303, { ...fields, location });
  } catch (error) {
    if (error instanceof StoreTrouble) return refusalFor(error, 'oidc-token-failed');
    throw error;
  }
}

/** Where the browser signs out there, if it can. Who cannot reach the provider is signed out here all the same. */
async function atProvider(
  { provider, surroundings }: Party,
  { idToken, refreshToken }: Session,
  afterwards: string | undefined,
): Promise<string | undefined> {
  const failed = (error: unknown): undefined => {
    surroundings.log.warn({ error: wordOf(error) }, 'somebody signed out here but not at the provider');
  };
  // Nobody waits for it: the browser may never get to the page that ends the session over there.
  if (refreshToken !== undefined) void provider.revoke(refreshToken).catch(failed);
  return provider.endSessionUrl(idToken, afterwards).catch(failed);
}
