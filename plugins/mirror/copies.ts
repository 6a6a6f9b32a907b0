import { BodyStream, type HttpClient, type HttpTarget, type Log, type Outbound, type Reply } from '#sdk';
import type { Config } from './options.ts';

/** What is shown to operators. */
export interface MirrorStatus {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Because too many were under way. */
  readonly dropped: number;
  /** Because they have too much content. */
  readonly tooLarge: number;
  readonly inFlight: number;
}

/** More of an answer is not read to keep a connection: it is closed. */
const mostDrained = 65_536;

/** Sends copies of the requests of one API in one environment. Whatever happens to a copy, its request goes on. */
export class Copies {
  readonly #target: HttpTarget;
  readonly #http: HttpClient;
  readonly #config: Config;
  readonly #log: Log;
  readonly #place: Readonly<Record<string, string>>;
  /** From a random start, so that several processes do not choose the same requests of a burst. */
  #share = Math.random();
  #isFailing = false;
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #dropped = 0;
  #tooLarge = 0;
  #inFlight = 0;

  constructor(
    target: HttpTarget,
    http: HttpClient,
    config: Config,
    log: Log,
    place: Readonly<Record<string, string>>,
  ) {
    this.#target = target;
    this.#http = http;
    this.#config = config;
    this.#log = log;
    this.#place = place;
  }

  /** Copies a request if it is its turn. Waits only for its content, where that is copied. */
  copy(outbound: Outbound): undefined | Promise<undefined> {
    // A copy of a handshake would be a connection that nobody speaks on.
    if (!this.#isTurn() || outbound.upgrade !== undefined) return undefined;
    if (this.#isFull()) return undefined;
    const { withBody, maxBodyBytes } = this.#config;
    if (!outbound.hasBody || !withBody) {
      this.#send(outbound, null);
      return undefined;
    }
    if ((outbound.bodyLength ?? Infinity) > maxBodyBytes) {
      this.#tooLarge += 1;
      return undefined;
    }
    return outbound.readBody().then((body) => {
      // Others may have been sent meanwhile.
      if (!this.#isFull()) this.#send(outbound, body);
      return undefined;
    });
  }

  /** Whether the copy whose turn it is has to be dropped. */
  #isFull(): boolean {
    if (this.#inFlight < this.#config.maxInFlight) return false;
    this.#dropped += 1;
    return true;
  }

  status(): MirrorStatus {
    return {
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      dropped: this.#dropped,
      tooLarge: this.#tooLarge,
      inFlight: this.#inFlight,
    };
  }

  /** Exactly the part of the requests that was asked for, evenly. */
  #isTurn(): boolean {
    this.#share += this.#config.ratio;
    if (this.#share < 1) return false;
    this.#share -= 1;
    return true;
  }

  #send({ exchange, headers }: Outbound, body: Uint8Array | null): void {
    const { timeoutMs } = this.#config;
    this.#sent += 1;
    this.#inFlight += 1;
    const fields = headers.clone();
    // The last is this gateway's, which the client adds again.
    const passes = fields.getAll('via').slice(0, -1);
    fields.delete('via');
    for (const pass of passes) fields.append('Via', pass);
    const request = this.#http.request(exchange, {
      method: exchange.method,
      path: this.#pathOf(exchange.path),
      rawQuery: exchange.rawQuery,
      headers: fields,
      body,
      isDetached: true,
    });
    this.#target.send(request, { headersMs: timeoutMs, bodyMs: timeoutMs }).then(
      (reply) => this.#ended(reply),
      (error: unknown) => this.#lost(error instanceof Error ? error.message : 'it failed'),
    );
  }

  #pathOf(path: string): string {
    const { path: own, pathMode } = this.#config;
    if (own === undefined) return path;
    if (pathMode === 'replace') return own;
    return own.endsWith('/') && path.startsWith('/') ? own + path.slice(1) : own + path;
  }

  #ended(reply: Reply): void {
    if (reply.refusal !== undefined) {
      this.#lost(reply.refusal.cause ?? reply.refusal.kind);
      return;
    }
    this.#answered += 1;
    if (this.#isFailing) this.#log.info(this.#place, 'a mirror answers again');
    this.#isFailing = false;
    drain(reply, () => {
      this.#inFlight -= 1;
    });
  }

  /** Told once, not for each copy: a mirror that is down concerns no caller. */
  #lost(cause: string): void {
    this.#inFlight -= 1;
    this.#failed += 1;
    if (!this.#isFailing) this.#log.warn({ ...this.#place, cause }, 'a mirror does not answer');
    this.#isFailing = true;
  }
}

/** Throws an answer away; a small one is read to its end, so that its connection can be used again. */
function drain({ body }: Reply, done: () => void): void {
  if (!(body instanceof BodyStream)) {
    done();
    return;
  }
  let bytes = 0;
  body.pipe({
    data(chunk) {
      bytes += chunk.length;
      if (bytes <= mostDrained) return true;
      body.cancel(new Error('nobody reads what a mirror answers'));
      done();
      return false;
    },
    end: done,
    fail: done,
  });
}
