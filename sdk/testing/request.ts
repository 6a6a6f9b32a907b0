import { randomUUID } from 'node:crypto';
import { readHead } from '../../core/http/head.ts';
import type { Gateway } from '../../core/gateway.ts';
import { describeBindings } from '../../core/kernel/describe.ts';
import { type Delivery, Exchange, type Outcome } from '../../core/kernel/exchange.ts';
import type { Inbound } from '../../core/kernel/inbound.ts';
import { RequestBody } from '../../core/kernel/request-body.ts';
import { serve } from '../../core/kernel/serve.ts';
import { Fields } from '../fields.ts';
import { Reply } from '../reply.ts';

/** What a request may have beside its method and URL. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** 192.0.2.1 unless given. */
  readonly clientAddress?: string;
}

/** What the caller got. */
export class Answer {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
  /** 1xx answers that came before. */
  readonly interim: readonly number[];

  constructor(status: number, headers: Fields, body: Buffer, interim: readonly number[]) {
    this.status = status;
    this.headers = headers;
    this.body = body;
    this.interim = interim;
  }

  get text(): string {
    return this.body.toString('utf8');
  }

  /** The body as JSON. @throws SyntaxError when it is none */
  json(): unknown {
    return JSON.parse(this.text);
  }
}

class MemoryDelivery implements Delivery {
  readonly #resolve: (answer: Answer | Promise<Answer>) => void;
  readonly #interim: number[] = [];

  constructor(resolve: (answer: Answer | Promise<Answer>) => void) {
    this.#resolve = resolve;
  }

  inform(status: number): void {
    this.#interim.push(status);
  }

  send(inbound: Inbound, _exchange: Exchange, done: (bytesSent: number, outcome: Outcome) => void): void {
    const read = inbound.readBody(Number.MAX_SAFE_INTEGER).then(
      (body) => {
        done(body.length, 'answered');
        return new Answer(inbound.status, inbound.headers, body, this.#interim);
      },
      (error: unknown) => {
        done(0, 'cut');
        throw error;
      },
    );
    this.#resolve(read);
  }
}

/** Sends one request through a gateway without a socket. */
export function send(
  gateway: Gateway,
  method: string,
  address: string,
  options: RequestOptions,
): Promise<Answer> {
  return new Promise((resolve) => {
    const { head, incoming } = requestOf(gateway, method, address, options);
    const exchange = new Exchange({ ...incoming, delivery: new MemoryDelivery(resolve) }, gateway.current());
    serve(exchange, head.refusal);
  });
}

/**
 * What the bindings of the API that a request reaches say they do to it.
 * @throws TypeError when it reaches none
 */
export function describe(
  gateway: Gateway,
  method: string,
  address: string,
  options: RequestOptions,
): readonly string[] {
  const snapshot = gateway.current();
  const arrival = requestOf(gateway, method, address, options).incoming;
  const ending = snapshot.routing?.(arrival);
  if (ending === undefined || 'fault' in ending || ending.answer instanceof Reply)
    throw new TypeError(`${method} ${address} reaches no API`);
  return describeBindings(snapshot, arrival, ending.answer, arrival.receivedAt).flatMap(
    ({ binding, lines }) => lines.map((line) => `${binding}: ${line}`),
  );
}

function requestOf(gateway: Gateway, method: string, address: string, options: RequestOptions) {
  const [, scheme = 'http', authority = 'test', target = '/'] = /^(https?):\/\/([^/?#]*)(.*)$/.exec(
    address,
  ) ?? ['', 'http', 'test', address];
  const headers = Fields.from(options.headers ?? {});
  if (!headers.has('host')) headers.append('Host', authority);
  const body = typeof options.body === 'string' ? Buffer.from(options.body) : (options.body ?? null);
  if (body !== null && !headers.has('content-length')) headers.append('Content-Length', String(body.length));
  const line = { method, target: target === '' ? '/' : target, httpVersion: '1.1' };
  const head = readHead(line, headers.flat, gateway.limits(), gateway.pseudonym);
  const incoming = {
    requestId: randomUUID(),
    method,
    scheme: scheme === 'https' ? ('https' as const) : ('http' as const),
    host: head.host,
    port: scheme === 'https' ? 443 : 80,
    path: head.path,
    rawQuery: head.rawQuery,
    hasEmptyQuery: head.hasEmptyQuery,
    headers,
    clientAddress: options.clientAddress ?? '192.0.2.1',
    httpVersion: '1.1',
    receivedAt: gateway.clock.now(),
    body: new RequestBody(body, undefined),
    passes: head.passes,
    isSelfCall: false,
  };
  return { head, incoming };
}
