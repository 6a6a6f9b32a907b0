import { BodyStream } from '#sdk';
import type { Outcome } from './exchange.ts';

/** The same content; says once how it ended, and after how many bytes. */
export function counted(body: BodyStream, ended: (bytes: number, outcome: Outcome) => void): BodyStream {
  let bytes = 0;
  const result = new BodyStream({
    resume: () => body.resume(),
    cancel: (reason) => {
      body.cancel(reason);
      ended(bytes, 'client-gone');
    },
  });
  body.pipe({
    data(chunk) {
      bytes += chunk.length;
      return result.push(chunk);
    },
    end(trailers) {
      result.end(trailers);
      ended(bytes, 'answered');
    },
    fail(error) {
      result.fail(error);
      ended(bytes, 'cut');
    },
  });
  return result;
}
