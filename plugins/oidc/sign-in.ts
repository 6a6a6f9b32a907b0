import { createHash } from 'node:crypto';
import { randomNonce, randomPKCECodeVerifier, randomState } from 'openid-client';
import { type Arrival, Params, type Reply, reply } from '#sdk';
import { cookieName, dropCookie, ownCookies, readCookie, setCookie } from './cookies.ts';
import type { Party } from './party.ts';
import { originOf } from './place.ts';
import type { Secrets } from './provider.ts';
import { refusalFor } from './refusal.ts';
import { Refused, wordOf } from './trouble.ts';

/** A sign-in that is under way, kept in a cookie of the browser that began it. */
interface Flow extends Omit<Secrets, 'state'> {
  readonly redirectUri: string;
  /** Path and query that the browser asked for. */
  readonly target: string;
  readonly startedAt: number;
}

const flowSeconds = 600;
/** Tabs that may be signing in at the same time: more would make the head of each request ever larger. */
const maxFlows = 5;
/** A cookie may have 4096 bytes. */
const maxTarget = 2000;
const stateForm = /^[A-Za-z0-9_-]{32,64}$/;

/** Sends the browser to the provider; it comes back to `finish`. */
export async function begin(party: Party, request: Arrival): Promise<Reply> {
  const { config, paths, provider, flowSealer, surroundings } = party;
  const origin = originOf(request, config.origin);
  const isSecure = origin.startsWith('https:');
  const state = randomState();
  const redirectUri = new URL(paths.callback, origin).href;
  const flow: Flow = {
    nonce: randomNonce(),
    verifier: randomPKCECodeVerifier(),
    redirectUri,
    target: targetOf(request),
    startedAt: surroundings.clock.now(),
  };
  try {
    const location = await provider.authorizationUrl(redirectUri, { ...flow, state });
    const cookie = flowSealer.seal(flow, state).toString('base64url');
    const cookies = [
      ...surplus(party, request, isSecure),
      setCookie(flowName(party, state, isSecure), cookie, flowSeconds),
    ];
    return reply(302, { location, 'cache-control': 'no-store', 'set-cookie': cookies });
  } catch (error) {
    return refusalFor(error, 'oidc-code-flow-failed');
  }
}

/** Takes the browser back from the provider, and sends it where it wanted to go. */
export async function finish(party: Party, request: Arrival): Promise<Reply> {
  const { config, sessions, surroundings } = party;
  const isSecure = originOf(request, config.origin).startsWith('https:');
  const drops: string[] = [];
  try {
    const { state, flow } = flowOf(party, request, isSecure);
    drops.push(dropCookie(flowName(party, state, isSecure)));
    const isFirst = await surroundings.values.claim(`state ${hashOf(state)}`, (flowSeconds + 60) * 1000);
    if (!isFirst) throw new Refused('the state was used before');
    const answer = new URL(flow.redirectUri);
    answer.search = request.rawQuery;
    const granted = await party.provider.exchange(answer, { ...flow, state });
    const session = await party.sessionOf(granted);
    const name = cookieName(party.name, isSecure);
    // A new id in any case: one that was there before may be known to somebody else.
    const before = await sessions.find(readCookie(request.headers, name));
    if (before !== undefined) await sessions.end(before);
    const cookie = setCookie(name, await sessions.create(session));
    // With the origin: a path such as `//elsewhere` alone would name another host.
    const location = answer.origin + flow.target;
    return reply(302, { location, 'cache-control': 'no-store', 'set-cookie': [...drops, cookie] });
  } catch (error) {
    if (error instanceof Refused)
      surroundings.log.info({ requestId: request.requestId, error: wordOf(error) }, 'a sign-in failed');
    const [cookie] = drops;
    return refusalFor(error, 'oidc-code-flow-failed', cookie === undefined ? {} : { 'set-cookie': cookie });
  }
}

/** @throws Refused when this browser did not begin it */
function flowOf(party: Party, { method, rawQuery, headers }: Arrival, isSecure: boolean) {
  if (method !== 'GET') throw new Refused('the provider sends the browser back with GET');
  const [state = '', ...others] = Params.parse(rawQuery).getAll('state');
  if (others.length > 0 || !stateForm.test(state)) throw new Refused('there is no state');
  const cookie = readCookie(headers, flowName(party, state, isSecure));
  if (cookie === undefined) throw new Refused('the sign-in was not begun in this browser');
  const flow = party.flowSealer.open(Buffer.from(cookie, 'base64url'), state) as Flow | undefined;
  if (flow === undefined) throw new Refused('the cookie of the sign-in was not made here');
  if (party.surroundings.clock.now() - flow.startedAt > flowSeconds * 1000)
    throw new Refused('the sign-in took too long');
  return { state, flow };
}

function flowName({ name }: Party, state: string, isSecure: boolean): string {
  return cookieName(`${name}-f${state.slice(0, 12)}`, isSecure);
}

/** Ends the oldest of too many sign-ins: browsers send cookies in the order that they got them (RFC 6265 section 5.4). */
function surplus({ name }: Party, { headers }: Arrival, isSecure: boolean): string[] {
  const prefix = cookieName(`${name}-f`, isSecure);
  const flows = Array.from(ownCookies(headers), ([each]) => each).filter((each) => each.startsWith(prefix));
  return flows.slice(0, Math.max(0, flows.length - maxFlows + 1)).map((each) => dropCookie(each));
}

function targetOf({ path, rawQuery }: Arrival): string {
  const whole = rawQuery === '' ? path : `${path}?${rawQuery}`;
  if (whole.length <= maxTarget) return whole;
  return path.length <= maxTarget ? path : '/';
}

const hashOf = (state: string): string => createHash('sha256').update(state).digest('base64url');
