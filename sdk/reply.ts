import { BodyStream } from './body-stream.ts';
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
  /**
   * Set on what `exchange.callBackend` answers. Whoever answers a request with a copy of it sets it there too, so that
   * logs and metrics tell who answered.
   */
  isFromBackend = false;

  /** @throws TypeError when a part of it is nothing that can be sent */
  constructor(status: number, headers: Fields, body: ReplyBody, refusal?: Refusal) {
    if (!(headers instanceof Fields)) throw new TypeError('the header fields of an answer must be Fields');
    checkReplyBody(body);
    if (refusal !== undefined && !Object.hasOwn(refusalKinds, refusal.kind))
      throw new TypeError('there is no such kind of refusal');
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.refusal = refusal;
  }
}

/** @throws TypeError when a plugin without types gave what cannot be sent as content */
export function checkReplyBody(body: unknown): void {
  if (body === null || typeof body === 'string') return;
  if (body instanceof Uint8Array || body instanceof BodyStream) return;
  throw new TypeError('the content of an answer must be null, a text, a Uint8Array or a BodyStream');
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
