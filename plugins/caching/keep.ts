import { Fields, Reply } from '#sdk';
import { mark } from './answer.ts';
import { isNotModified } from './conditions.ts';
import { type Context, type Request, answer, isRestricted, noteStatus, variantKey } from './context.ts';
import { Entry } from './entry.ts';
import { giveUp, noteContent, readAway } from './filling.ts';
import type { Flight } from './flights.ts';
import type { Rules } from './rules.ts';
import { isWorthStoring, mayStore, storedFields } from './storable.ts';
import { type Terms, termsOf, whatIsSaid } from './terms.ts';
import { readVary, selectingText } from './vary.ts';

/** A backend's answer, and who asked for it. */
export interface Asked {
  readonly request: Request;
  readonly reply: Reply;
  readonly requestedAt: number;
  readonly respondedAt: number;
  readonly flight: Flight | undefined;
  /** The caller was answered already. */
  readonly isDetached: boolean;
}

/** Passes an answer on, and keeps it for others if it may be kept. */
export async function keep(context: Context, asked: Asked): Promise<Reply | undefined> {
  const { request, reply, flight, isDetached, respondedAt } = asked;
  const draft = draftOf(asked, context.rules, context.maxAnswerBytes);
  if (draft === undefined) {
    await passBy(context, asked);
    return isDetached ? undefined : passed(context, asked, reply.headers, reply.body, '');
  }
  context.flights.noteShared(variantKey(request));
  const filled = (content: Buffer | undefined): void => {
    if (content === undefined || !hasLength(reply.headers, content.length)) {
      flight?.land({ kind: 'apart' });
      return;
    }
    const entry = new Entry({ ...draft, body: content }, draft.terms);
    context.figures.stored += 1;
    void context.store.put(request.place, entry, request.found.mark);
    flight?.land({ kind: 'stored', entry });
  };
  const isKnown = !isDetached && isNotModified(draft, request.facts, respondedAt);
  if (isDetached || isKnown) readAway(reply.body, context.maxAnswerBytes, filled);
  if (isDetached) return undefined;
  if (isKnown) {
    const bare = new Entry({ ...draft, body: Buffer.alloc(0) }, draft.terms);
    return answer(context, request, bare, 'MISS', missLine(context, asked, '; stored'));
  }
  const body = noteContent(reply.body, context.maxAnswerBytes, filled);
  return passed(context, asked, reply.headers, body, '; stored');
}

type Draft = Omit<Entry, 'body' | 'bytes' | 'reply' | 'replyAge'>;

/** What would be stored but the content; undefined when nothing may be, or it would be of no use. */
function draftOf(
  { request, reply, requestedAt, respondedAt }: Asked,
  rules: Rules,
  maxBytes: number,
): Draft | undefined {
  const { status, headers: fields } = reply;
  const varyNames = readVary(fields);
  if (varyNames === null || reply.refusal !== undefined) return undefined;
  const said = whatIsSaid(fields, rules.targetedFields);
  if (!mayStore(status, fields, said, isRestricted(request), rules)) return undefined;
  const terms: Terms = termsOf({ status, fields, requestedAt, respondedAt }, said, rules);
  if (!isWorthStoring(terms)) return undefined;
  if (Number(fields.get('content-length') ?? 0) > maxBytes) return undefined;
  const flat = storedFields(fields, said, rules, respondedAt);
  const selecting = selectingText(varyNames, request.exchange.headers);
  return { status, flat, varyNames, selecting, requestedAt, respondedAt, terms };
}

/** An answer that is for this caller alone. */
async function passBy(context: Context, { request, reply, flight, isDetached }: Asked): Promise<void> {
  const { place, entry } = request;
  // Something that stands there no longer must not come back; a failure says nothing of that.
  if (entry !== undefined && reply.status < 500 && reply.status !== 304)
    await context.store.drop(place, entry);
  context.flights.noteApart(variantKey(request), context.clock.now());
  flight?.land({ kind: 'apart' });
  if (isDetached) giveUp(reply.body);
}

function passed(context: Context, asked: Asked, headers: Fields, body: Reply['body'], more: string): Reply {
  const { reply, request } = asked;
  noteStatus(context, request.exchange, 'MISS');
  let fields = headers;
  if (context.lines !== undefined) {
    fields = headers.clone();
    mark(fields, { cacheStatus: missLine(context, asked, more), hitField: undefined });
  }
  const answered = new Reply(reply.status, fields, body);
  answered.isFromBackend = true;
  return answered;
}

function missLine({ lines }: Context, { request, reply }: Asked, more: string): string | undefined {
  const { entry, found, asked } = request;
  if (entry !== undefined) {
    const why = asked.has('no-cache') || asked.has('max-age') ? 'request' : 'stale';
    return lines?.forwarded(why, `; fwd-status=${reply.status}${more}`);
  }
  return lines?.forwarded(found.entries.length > 0 ? 'vary-miss' : 'uri-miss', more);
}

/** An answer that is shorter or longer than it says is not whole. */
function hasLength(fields: Fields, length: number): boolean {
  const announced = fields.get('content-length');
  return announced === undefined || Number(announced) === length;
}
