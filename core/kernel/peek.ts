import { BodyStream } from '#sdk';

/** What a look at a stream found. */
interface Peeked {
  /** All of it; undefined when it has more than was asked for, or breaks off. */
  readonly bytes: Buffer | undefined;
  /** The same content from its beginning. */
  readonly rest: BodyStream;
}

/** Looks at a body of at most `maxBytes`. What is larger goes on as it comes, what was held of it first. */
export function peekStream(body: BodyStream, maxBytes: number): Promise<Peeked> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let isDecided = false;
    const rest = new BodyStream({
      resume: () => body.resume(),
      cancel: (reason) => body.cancel(reason),
    });
    const decide = (found: Buffer | undefined): void => {
      if (isDecided) return;
      isDecided = true;
      for (const chunk of chunks) rest.push(chunk);
      resolve({ bytes: found, rest });
    };
    body.pipe({
      data(chunk) {
        if (isDecided) return rest.push(chunk);
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes <= maxBytes) return true;
        decide(undefined);
        // It has no receiver yet; the one it gets asks for more.
        return false;
      },
      end(trailers) {
        decide(Buffer.concat(chunks));
        rest.end(trailers);
      },
      fail(error) {
        decide(undefined);
        rest.fail(error);
      },
    });
  });
}
