import type { BodyStream } from './body-stream.ts';
import { Fields } from './fields.ts';
import type { Refusal, RefusalDetails, RefusalKind } from './refusals.ts';
import { refusalKinds } from './refusals.ts';

/** The content of an answer: nothing, text (sent as UTF-8), bytes, or a stream. */
export type ReplyBody = null | string | Uint8Array | BodyStream;

/** An answer. Returned from a hook it ends the request; a backend returns one too. */
export class Reply {
  readonly status: number;
  readonly headers: Fields;
  readonly body: ReplyBody;
  /** Set when this is a refusal; its body is then rendered at the end, in the form the API's group chose. */
  readonly refusal: Refusal | undefined;

  constructor(status: number, headers: Fields, body: ReplyBody, refusal?: Refusal) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.refusal = refusal;
  }
}

/**
 * An answer made by a plugin.
 *
 * @example return reply(200, { 'content-type': 'application/json' }, '{"status":"ok"}');
 * @throws RangeError when the status is not a final one (200 to 599)
 * @throws TypeError when a header field holds bytes that may not be sent
 */
export function reply(
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: ReplyBody = null,
): Reply {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`not a final status code: ${status}`);
  }
  return new Reply(status, Fields.from(headers), body);
}

/**
 * Refuses a request. An expected refusal is this value, never an exception.
 *
 * @example return refuse('app-not-authorized');
 */
export function refuse(kind: RefusalKind, details: RefusalDetails = {}): Reply {
  const status = details.status ?? refusalKinds[kind].status;
  return new Reply(status, Fields.from(details.headers ?? {}), null, { ...details, kind });
}
