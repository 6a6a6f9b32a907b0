import type { Fields, Outbound as PublicOutbound } from '#sdk';
import type { Exchange } from './exchange.ts';
import { forwardedFields } from './forwarding.ts';
import { RequestBody } from './request-body.ts';

/** The request as the backend will get it: the caller's own until the backend and the signers change it. */
export class Outbound implements PublicOutbound {
  readonly exchange: Exchange;
  method: string;
  origin = '';
  path: string;
  rawQuery: string;
  readonly headers: Fields;
  host: string | undefined;
  body: RequestBody;

  /** @param headers what is sent, instead of the caller's fields as they are forwarded */
  constructor(exchange: Exchange, via: string, headers?: Fields) {
    this.exchange = exchange;
    this.method = exchange.method;
    this.path = exchange.path;
    this.rawQuery = exchange.rawQuery;
    this.headers = headers ?? forwardedFields(exchange, via);
    this.body = exchange.incoming.body;
  }

  /** Path and query as they go on the wire; a bare `?` of the caller's is kept unless there is a query now. */
  get target(): string {
    if (this.rawQuery !== '') return `${this.path}?${this.rawQuery}`;
    return this.exchange.incoming.hasEmptyQuery ? `${this.path}?` : this.path;
  }

  get upgrade(): 'websocket' | undefined {
    // With content or another method it is no handshake (RFC 6455 section 4.1), whoever made it so.
    return this.method === 'GET' && !this.hasBody ? this.exchange.incoming.upgrade : undefined;
  }

  get hasBody(): boolean {
    return !this.body.isEmpty;
  }

  get bodyLength(): number | undefined {
    return this.body.length;
  }

  get isReplayable(): boolean {
    return this.body.isReplayable;
  }

  readBody(): Promise<Buffer> {
    return this.body.read();
  }

  setBody(body: Uint8Array | null): void {
    this.body = new RequestBody(body, undefined);
  }
}
