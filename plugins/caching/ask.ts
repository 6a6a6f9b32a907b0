import { type Reply, refusalKinds } from '#sdk';
import { maySubstitute } from './decision.ts';
import { type Context, type Request, answer, isRestricted, noteStatus } from './context.ts';
import type { Flight } from './flights.ts';
import { giveUp } from './filling.ts';
import { type Asked, keep } from './keep.ts';
import { hasValidator, outgoingFields } from './outgoing.ts';
import { isAbout, updated } from './update.ts';

/** Failures that anybody would meet who asks the same backend, whoever they are. */
const ofBackend: ReadonlySet<string> = new Set<keyof typeof refusalKinds>([
  'backend-unavailable',
  'backend-timeout',
  'backend-name-unresolved',
  'backend-no-member',
  'circuit-open',
]);

const ofServer: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/**
 * Asks the backend, keeps what may be kept, and answers.
 * @param flight those who wait for it; undefined when nobody may
 */
export async function ask(
  context: Context,
  request: Request,
  flight: Flight | undefined,
): Promise<Reply | undefined> {
  const { exchange } = request;
  // First, so that those who wait ask by themselves before they learn that this answer broke off.
  if (flight !== undefined) exchange.onAbort(() => flight.land({ kind: 'gone' }));
  try {
    return await asking(context, request, flight, false);
  } catch (error) {
    flight?.land({ kind: 'gone' });
    throw error;
  }
}

/** Asks for a newer answer while callers get the stale one. Nobody waits for it. */
export async function refresh(context: Context, request: Request, flight: Flight): Promise<void> {
  try {
    await asking(context, request, flight, true);
  } catch (error) {
    flight.land({ kind: 'gone' });
    throw error;
  }
}

async function asking(
  context: Context,
  request: Request,
  flight: Flight | undefined,
  isDetached: boolean,
): Promise<Reply | undefined> {
  const { exchange, entry } = request;
  const stored = entry !== undefined && hasValidator(entry) ? entry : undefined;
  // Where answers are not shared anyway, the caller's own conditions save more than they cost.
  const isOwn = flight === undefined && stored === undefined;
  const headers = isOwn ? exchange.headers : outgoingFields(exchange.headers, stored);
  const requestedAt = context.clock.now();
  const reply = await exchange.callBackend({ headers, isDetached });
  const asked: Asked = { request, reply, requestedAt, respondedAt: context.clock.now(), flight, isDetached };
  if (!isDetached && exchange.isAborted) {
    giveUp(reply.body);
    flight?.land({ kind: 'gone' });
    return undefined;
  }
  if (reply.refusal !== undefined || ofServer.has(reply.status)) {
    const standIn = substitute(context, asked);
    if (standIn !== undefined || reply.refusal !== undefined) return standIn ?? missed(context, asked);
  }
  if (reply.status !== 304 || stored === undefined) return keep(context, asked);
  giveUp(reply.body);
  if (isAbout(stored, reply.headers)) return revalidated(context, asked, stored);
  // It speaks of a version that is not here (RFC 9111 section 4.3.4): there is nothing to answer but all of it.
  await context.store.drop(request.place, stored);
  return asking(context, { ...request, entry: undefined }, flight, isDetached);
}

/** The stale answer instead of a failure, where it may stand for it (RFC 9111 section 4.2.4, RFC 5861 section 4). */
function substitute(context: Context, { request, reply, flight, isDetached }: Asked): Reply | undefined {
  const { entry, asked } = request;
  const failure = reply.refusal === undefined ? 'error' : 'unreachable';
  if (reply.refusal !== undefined && !ofBackend.has(reply.refusal.kind)) {
    flight?.land({ kind: 'apart' });
    return undefined;
  }
  const isStale = entry !== undefined && maySubstitute(entry, failure, asked, context.clock.now());
  if (isStale || failure === 'unreachable')
    flight?.land({ kind: 'failed', failure, reply: reply.refusal === undefined ? undefined : reply });
  if (!isStale) return undefined;
  giveUp(reply.body);
  if (isDetached) return undefined;
  return answer(
    context,
    request,
    entry,
    'STALE',
    context.lines?.forwarded('stale', `; fwd-status=${reply.status}`),
  );
}

function missed(context: Context, { request, reply, isDetached }: Asked): Reply {
  if (!isDetached) noteStatus(context, request.exchange, 'MISS');
  return reply;
}

function revalidated(
  context: Context,
  asked: Asked,
  stored: NonNullable<Request['entry']>,
): Reply | undefined {
  const { request, reply, requestedAt, respondedAt, flight, isDetached } = asked;
  const { place, found } = request;
  const came = { status: stored.status, fields: reply.headers, requestedAt, respondedAt };
  const { entry, isShared } = updated(stored, came, isRestricted(request), context.rules);
  if (isShared) {
    void context.store.put(place, entry, found.mark);
    flight?.land({ kind: 'stored', entry });
  } else {
    void context.store.drop(place, stored);
    flight?.land({ kind: 'apart' });
  }
  if (isDetached) return undefined;
  return answer(
    context,
    request,
    entry,
    'REVALIDATED',
    context.lines?.forwarded('stale', '; fwd-status=304'),
  );
}
