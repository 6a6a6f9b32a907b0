import { BodyStream, Fields, type HttpTarget, Reply, type Timeouts, refuse } from '#sdk';
import { type Delivery, type Done, Exchange } from './exchange.ts';
import { counted } from './counted.ts';
import { frame } from './framing.ts';
import type { Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';
import { abandon, serve } from './serve.ts';
import { Switched } from './tunnel.ts';

/**
 * Serves a request to one of the gateway's own domains in process (design section 9): a new exchange through every
 * hook, with the result a socket would give, and without one.
 */
export class SelfTarget implements HttpTarget {
  readonly origin: string;
  readonly #host: string;

  constructor(origin: string) {
    this.origin = origin;
    this.#host = origin.slice(origin.indexOf('//') + 2);
  }

  send(outbound: Outbound, timeouts: Timeouts): Promise<Reply> {
    const outer = outbound.exchange;
    const host = outbound.host ?? this.#host;
    const headers = outbound.headers.clone();
    headers.flat.push('Host', host);
    const length = outbound.body.length;
    if (outbound.hasBody) {
      if (length === undefined) headers.flat.push('Transfer-Encoding', 'chunked');
      else headers.flat.push('Content-Length', String(length));
    }
    return new Promise((resolve) => {
      const startedAt = performance.now();
      const late = (): void => {
        // As over the network, the time counts from the last piece of the caller's content.
        const { isStarved, lastPieceAt } = outbound.body;
        const since = isStarved ? 0 : performance.now() - Math.max(lastPieceAt, startedAt);
        if (since < timeouts.headersMs - 1) {
          timer = setTimeout(late, timeouts.headersMs - since);
          return;
        }
        abandon(inner);
        resolve(refuse('backend-timeout'));
      };
      let timer = setTimeout(late, timeouts.headersMs);
      const delivery = new SelfDelivery((reply) => {
        clearTimeout(timer);
        resolve(reply);
      }, outer.incoming.delivery);
      const inner = new Exchange(
        {
          requestId: outer.incoming.requestId,
          method: outbound.method,
          scheme: this.origin.startsWith('https:') ? 'https' : 'http',
          host: hostName(host),
          port: outer.port,
          path: outbound.path,
          rawQuery: outbound.rawQuery,
          hasEmptyQuery: outbound.rawQuery === '' && outer.incoming.hasEmptyQuery,
          headers,
          clientAddress: '127.0.0.1',
          httpVersion: '1.1',
          receivedAt: outer.receivedAt + Math.round(performance.now() - outer.startedAt),
          body: outbound.body,
          delivery,
          passes: outer.incoming.passes + 1,
          isSelfCall: true,
          upgrade: outbound.upgrade,
        },
        outer.snapshot,
      );
      outer.onAbort(() => {
        clearTimeout(timer);
        abandon(inner);
        // As over the network: whoever waits for an end of the call gets one.
        resolve(refuse('backend-unavailable', { cause: 'the caller went away' }));
      });
      serve(inner);
    });
  }
}

/** Hands the answer of the inner exchange to the outer one. */
class SelfDelivery implements Delivery {
  readonly #resolve: (reply: Reply) => void;
  readonly #outer: Delivery;

  constructor(resolve: (reply: Reply) => void, outer: Delivery) {
    this.#resolve = resolve;
    this.#outer = outer;
  }

  inform(status: number, flat: readonly string[]): void {
    this.#outer.inform(status, flat);
  }

  send(inbound: Inbound, exchange: Exchange, done: Done): void {
    const { status, body, tunnel } = inbound;
    const { method, httpVersion } = exchange;
    const headers = new Fields(inbound.headers.flat);
    if (tunnel !== null && status === 101) {
      tunnel.onEnd(done);
      this.#resolve(new Switched(headers, tunnel));
      return;
    }
    const length = body instanceof BodyStream ? undefined : body === null ? 0 : Buffer.byteLength(body);
    const framing = frame(headers, { status, method, httpVersion, length, hasTrailers: false });
    if (body instanceof BodyStream) {
      const counting = counted(body, (bytes, outcome) => {
        if (outcome === 'client-gone') exchange.abort();
        done(bytes, outcome);
      });
      this.#resolve(new Reply(status, headers, counting));
      return;
    }
    const content = framing === 'none' ? null : body;
    this.#resolve(new Reply(status, headers, content));
    done(content === null ? 0 : (length ?? 0), 'answered');
  }
}

function hostName(host: string): string {
  const lower = host.toLowerCase();
  return lower.startsWith('[') ? lower.slice(0, lower.indexOf(']') + 1) : (lower.split(':', 1)[0] ?? '');
}
