import { once } from 'node:events';
import type { Socket } from 'node:net';
import { errors } from 'undici';
import type { RequestHead } from './request-head.ts';

/** What whoever sends is told, and asked. */
interface Progress {
  /** Whether to go on. */
  isWanted(): boolean;
  sent(chunk: Uint8Array): void;
}

/**
 * Sends a request with content as that comes, at the pace at which the server takes it. The head goes with the first
 * piece; only then it is known that there is any.
 * @throws when the source fails, or gives more or less than was announced
 */
export async function sendContent(
  socket: Socket,
  source: AsyncIterable<Uint8Array>,
  { text, length, whenEmpty }: RequestHead,
  progress: Progress,
): Promise<void> {
  let bytes = 0;
  const pieces = source[Symbol.asyncIterator]();
  // A source that waits for its next piece would not learn that nobody wants it.
  const closed = (): void => void pieces.return?.();
  socket.once('close', closed);
  try {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      if (!progress.isWanted()) return;
      const chunk = next.value;
      if (chunk.length === 0) continue;
      const framing = length === undefined ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
      const before = bytes === 0 ? `${text}${framing}\r\n\r\n` : '';
      bytes += chunk.length;
      if (length !== undefined && bytes > length) throw new errors.RequestContentLengthMismatchError();
      const hasRoom = write(socket, before, chunk, length === undefined);
      progress.sent(chunk);
      if (!hasRoom) await roomIn(socket);
      if (!progress.isWanted()) return;
    }
    if (!progress.isWanted()) return;
    if (bytes < (length ?? 0)) throw new errors.RequestContentLengthMismatchError();
    if (bytes === 0) socket.write(text + whenEmpty, 'latin1');
    else if (length === undefined) socket.write('0\r\n\r\n', 'latin1');
  } finally {
    socket.off('close', closed);
    await pieces.return?.();
  }
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
