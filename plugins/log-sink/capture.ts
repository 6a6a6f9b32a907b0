import { type Exchange, type Inbound, type Outbound, defineNote } from '#sdk';

/** What was asked of a backend, and what it answered. */
export interface Upstream {
  readonly origin: string;
  readonly path: string;
  status?: number;
}

export const upstream = defineNote<Upstream>('log-sink-upstream');

/** Content that was seen, or why it was not. */
export type Content = { readonly text: string } | { readonly omitted: string };

export const requestContent = defineNote<Content>('log-sink-request');
export const responseContent = defineNote<Content>('log-sink-response');
/** Names and values of the answer's fields in turn, as they leave. */
export const responseFields = defineNote<readonly string[]>('log-sink-fields');

/** Longer content streams, and is not held back for a log. */
const maxBytes = 65_536;
/** More than is shown, so that what is masked is masked whole. */
const keptCharacters = 4096 + 1024;

export function noteUpstream({ exchange, origin, path }: Outbound): undefined {
  exchange.notes.set(upstream, { origin, path });
}

export function noteStatus({ exchange, source, status }: Inbound): void {
  const called = exchange.notes.get(upstream);
  if (called !== undefined && source === 'backend') called.status = status;
}

export async function noteRequest(exchange: Exchange): Promise<undefined> {
  if (!exchange.hasBody) return;
  const length = exchange.headers.get('content-length');
  const reason = unfit(
    length === undefined ? undefined : Number(length),
    exchange.headers.get('content-encoding'),
  );
  exchange.notes.set(
    requestContent,
    reason === undefined ? shown(await exchange.readBody()) : { omitted: reason },
  );
}

export async function noteResponse(inbound: Inbound): Promise<void> {
  const { exchange, headers, bodyLength } = inbound;
  if (!inbound.hasBody || exchange.method === 'HEAD') return;
  const reason = isEvents(headers.get('content-type'))
    ? 'a stream of events'
    : unfit(bodyLength ?? 0, headers.get('content-encoding'));
  exchange.notes.set(responseContent, reason === undefined ? await read(inbound) : { omitted: reason });
}

/** Nobody waits for the end of these. */
function isEvents(type = ''): boolean {
  return /^text\/event-stream[ \t]*(?:;|$)/i.test(type);
}

/** What breaks off is the caller's to see, as it would without this. */
async function read(inbound: Inbound): Promise<Content> {
  const bytes = await inbound.peekBody(maxBytes);
  return bytes === undefined ? { omitted: `longer than ${maxBytes} bytes, or incomplete` } : shown(bytes);
}

function unfit(length: number | undefined, coding = 'identity'): string | undefined {
  if (coding.toLowerCase() !== 'identity') return `the coding ${coding.slice(0, 40)}`;
  if (length === undefined) return 'of unknown length';
  return length <= maxBytes ? undefined : `longer than ${maxBytes} bytes`;
}

function shown(bytes: Buffer): Content {
  // A character of UTF-8 has at most four bytes.
  return { text: bytes.toString('utf8', 0, keptCharacters * 4).slice(0, keptCharacters) };
}
