import type { Reply } from '#sdk';
import { ask } from './ask.ts';
import { type Context, type Request, answer, isFor, noteStatus } from './context.ts';
import { decide, maySubstitute } from './decision.ts';
import type { Flight, Landing } from './flights.ts';

/** Waits for what another one has asked for, and asks by itself where that is of no use. */
export async function join(
  context: Context,
  request: Request,
  key: string,
  first: Flight,
): Promise<Reply | undefined> {
  const { exchange } = request;
  const endsAt = performance.now() + context.collapseTimeoutMs;
  let flight = first;
  for (;;) {
    const landing = await flight.wait(Math.max(0, endsAt - performance.now()));
    if (exchange.isAborted) return undefined;
    if (landing.kind !== 'gone')
      return settled(context, request, landing) ?? ask(context, request, undefined);
    // Whoever asked went away: the first to get here asks, and the others wait for it.
    const next = context.flights.at(key);
    if (next === undefined) return ask(context, request, context.flights.begin(key));
    flight = next;
  }
}

function settled(context: Context, request: Request, landing: Landing): Reply | undefined {
  const { exchange, asked, entry } = request;
  const now = context.clock.now();
  const line = context.lines?.forwarded(entry === undefined ? 'uri-miss' : 'stale', '; collapsed');
  if (landing.kind === 'stored') {
    if (!isFor(landing.entry, exchange.headers)) return undefined;
    // It answers this request too only if it would have been found: fresh, and as the caller wants it.
    if (decide(landing.entry, asked, now) !== 'fresh') return undefined;
    context.figures.collapsed += 1;
    return answer(context, request, landing.entry, 'HIT', line);
  }
  if (landing.kind !== 'failed') return undefined;
  if (entry !== undefined && maySubstitute(entry, landing.failure, asked, now))
    return answer(context, request, entry, 'STALE', line);
  if (landing.reply !== undefined) noteStatus(context, exchange, 'MISS');
  return landing.reply;
}
