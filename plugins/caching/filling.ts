import { BodyStream, type ReplyBody } from '#sdk';

/** Told once: all the content, or undefined when it is too large, or broke off. */
type Filled = (content: Buffer | undefined) => void;

/**
 * The same content, which is noted while it passes by. Up to the limit it is taken as fast as it comes, however slowly the
 * caller reads, since others may wait for it.
 */
export function noteContent(body: ReplyBody, maxBytes: number, filled: Filled): ReplyBody {
  if (!(body instanceof BodyStream)) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    filled(bytes.length > maxBytes ? undefined : ownCopy([bytes], bytes.length));
    return body;
  }
  if (!body.isComplete) return noteStream(body, maxBytes, filled);
  const { chunks, trailers } = body.take();
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  // What comes behind the content would be lost for all but the first.
  if (length <= maxBytes && trailers === undefined) {
    const content = ownCopy(chunks, length);
    filled(content);
    return content.length === 0 ? null : content;
  }
  filled(undefined);
  const whole = new BodyStream();
  for (const chunk of chunks) whole.push(chunk);
  whole.end(trailers);
  return whole;
}

function noteStream(body: BodyStream, maxBytes: number, filled: Filled): BodyStream {
  let chunks: Uint8Array[] | null = [];
  let length = 0;
  const give = (content: Buffer | undefined): void => {
    if (chunks === null) return;
    chunks = null;
    filled(content);
  };
  const result = new BodyStream({
    resume: () => body.resume(),
    cancel: (reason) => {
      give(undefined);
      body.cancel(reason);
    },
  });
  body.pipe({
    data(chunk) {
      length += chunk.length;
      if (length > maxBytes) give(undefined);
      chunks?.push(chunk);
      const hasRoom = result.push(chunk);
      return chunks !== null || hasRoom;
    },
    end(trailers) {
      if (chunks !== null && trailers === undefined) give(ownCopy(chunks, length));
      else give(undefined);
      result.end(trailers);
    },
    fail(error) {
      give(undefined);
      result.fail(error);
    },
  });
  return result;
}

/** Reads what nobody else is to get, up to the limit. */
export function readAway(body: ReplyBody, maxBytes: number, filled: Filled): void {
  const noted = noteContent(body, maxBytes, (content) => {
    if (content === undefined && noted instanceof BodyStream) noted.cancel(new Error('nobody is to get it'));
    filled(content);
  });
  if (noted instanceof BodyStream)
    noted.pipe({ data: () => true, end: () => undefined, fail: () => undefined });
}

/** Apart from the buffer that it was cut from, which may be much larger and would stay in memory with it. */
function ownCopy(chunks: readonly Uint8Array[], length: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const chunk of chunks) {
    copy.set(chunk, at);
    at += chunk.length;
  }
  return copy;
}

/** How much is read of content that is of no use, because its connection is. */
const awayBytes = 64 * 1024;

/** The content of an answer is of no use; its connection may be. */
export function giveUp(body: ReplyBody): void {
  if (body instanceof BodyStream && !body.isTaken) readAway(body, awayBytes, () => undefined);
}
