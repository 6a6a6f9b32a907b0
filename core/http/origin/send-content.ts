import { once } from 'node:events';
import type { Socket } from 'node:net';
import { errors } from 'undici';
import type { RequestHead } from './request-head.ts';

/** What whoever sends is told, and asked. */
interface Progress {
  /** Whether to go on. */
  isWanted(): boolean;
  /** The first byte is about to leave; before that nothing can be an answer. */
  begun(): void;
  sent(): void;
}

/** Content that streams: asked for its first piece once, on whichever connection that then leaves. */
export interface Content {
  readonly pieces: AsyncIterator<Uint8Array>;
  readonly first: Promise<IteratorResult<Uint8Array>>;
}

export function openContent(source: AsyncIterable<Uint8Array>): Content {
  const pieces = source[Symbol.asyncIterator]();
  return { pieces, first: nextOf(pieces) };
}

/** An empty chunk would be the last one. */
async function nextOf(pieces: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  for (;;) {
    const next = await pieces.next();
    if (next.done === true || next.value.length > 0) return next;
  }
}

/**
 * Sends a request with content as that comes, at the pace at which the server takes it. The head goes with the first
 * piece; only then it is known that there is any.
 * @throws when the source fails, or gives more or less than was announced
 */
export async function sendContent(
  socket: Socket,
  { pieces, first }: Content,
  { text, length, whenEmpty }: RequestHead,
  progress: Progress,
): Promise<void> {
  let bytes = 0;
  for (let next = await first; next.done !== true; next = await nextOf(pieces)) {
    if (!progress.isWanted()) return;
    const chunk = next.value;
    const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
    const before = bytes === 0 ? `${text}${framing}\r\n\r\n` : '';
    if (length !== undefined && bytes + chunk.length > length)
      throw new errors.RequestContentLengthMismatchError();
    if (bytes === 0) progress.begun();
    bytes += chunk.length;
    const hasRoom = write(socket, before, chunk, length === undefined);
    progress.sent();
    if (!hasRoom) await roomIn(socket);
    if (!progress.isWanted()) return;
  }
  if (!progress.isWanted()) return;
  if (bytes < (length ?? 0)) throw new errors.RequestContentLengthMismatchError();
  if (bytes === 0) {
    progress.begun();
    socket.write(text + whenEmpty, 'latin1');
  } else if (length === undefined) socket.write('0\r\n\r\n', 'latin1');
}

function write(socket: Socket, before: string, chunk: Uint8Array, isChunked: boolean): boolean {
  socket.cork();
  const start = isChunked ? `${before}${chunk.length.toString(16)}\r\n` : before;
  if (start !== '') socket.write(start, 'latin1');
  let hasRoom = socket.write(chunk);
  if (isChunked) hasRoom = socket.write('\r\n', 'latin1');
  socket.uncork();
  return hasRoom;
}

/** Also comes back when there never will be any. */
async function roomIn(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const over = new AbortController();
  const options = { signal: over.signal };
  // What a connection died of is for its own listener to tell.
  await Promise.race([once(socket, 'drain', options), closeOf(socket, over.signal)]).catch(() => undefined);
  over.abort();
}

function closeOf(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const closed = (): void => resolve();
    socket.once('close', closed);
    signal.addEventListener('abort', () => socket.off('close', closed), { once: true });
  });
}
