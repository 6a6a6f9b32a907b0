import type { Reply } from '#sdk';
import { type Context, type Request, answer, isRestricted, noteStatus } from './context.ts';
import { maySubstitute } from './decision.ts';
import { isConfirmed, updated } from './update.ts';

/** Asks the backend with HEAD; what it says holds for what GET has stored (RFC 9111 section 4.3.5). */
export async function askHead(context: Context, request: Request): Promise<Reply> {
  const { exchange, entry, place, found, asked } = request;
  const requestedAt = context.clock.now();
  const reply = await exchange.callBackend();
  const respondedAt = context.clock.now();
  const isUnreachable = reply.refusal !== undefined;
  if (isUnreachable && entry !== undefined && maySubstitute(entry, 'unreachable', asked, respondedAt))
    return answer(context, request, entry, 'STALE');
  noteStatus(context, exchange, 'MISS');
  if (isUnreachable || entry === undefined || reply.status !== 200 || entry.status !== 200) return reply;
  if (!isConfirmed(entry, reply.headers)) {
    await context.store.drop(place, entry);
    return reply;
  }
  const came = { status: 200, fields: reply.headers, requestedAt, respondedAt };
  const { entry: newer, isShared } = updated(entry, came, isRestricted(request), context.rules);
  if (isShared) await context.store.put(place, newer, found.mark);
  else await context.store.drop(place, entry);
  return reply;
}
