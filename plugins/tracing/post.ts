import { Agent, request } from 'undici';
import type { TracingConfig } from './options.ts';

/** What became of a message. */
export interface Posted {
  readonly isTaken: boolean;
  /** Whether it may be sent again, and after how many milliseconds if the collector said so. */
  readonly isRetryable: boolean;
  readonly retryMs?: number | undefined;
  /** Of a message that was taken. */
  readonly answer: Uint8Array;
  /** Never holds what was sent. */
  readonly error: string;
}

const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const maxAnswerBytes = 64 * 1024;
const nothing = new Uint8Array();

/** Posts messages to a collector, one connection at a time (OTLP/HTTP). */
export class Collector {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #agent: Agent;

  constructor(config: TracingConfig, ca: string | undefined) {
    const { endpoint, headers, encoding, timeoutMs } = config;
    this.#url = /^https?:\/\/[^/]*\/?$/.test(endpoint)
      ? `${endpoint.replace(/\/$/, '')}/v1/traces`
      : endpoint;
    const contentType = encoding === 'json' ? 'application/json' : 'application/x-protobuf';
    const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    this.#headers = { ...Object.fromEntries(named), 'content-type': contentType };
    this.#timeoutMs = timeoutMs;
    const tls = ca === undefined ? {} : { ca };
    this.#agent = new Agent({ connections: 1, allowH2: false, connect: { timeout: timeoutMs, ...tls } });
  }

  /** Never rejects. @param signal ends it early */
  async post(message: Uint8Array, signal: AbortSignal): Promise<Posted> {
    const late = AbortSignal.timeout(this.#timeoutMs);
    try {
      const { statusCode, headers, body } = await request(this.#url, {
        method: 'POST',
        headers: this.#headers,
        body: message,
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, late]),
      });
      const answer = await readAtMost(body, maxAnswerBytes);
      if (statusCode >= 200 && statusCode < 300)
        return { isTaken: true, isRetryable: false, answer, error: '' };
      const seconds = Number(headers['retry-after']);
      const retryMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
      return failed(`the collector answered ${statusCode}`, retryable.has(statusCode), retryMs);
    } catch (error) {
      if (late.aborted) return failed(`no answer within ${this.#timeoutMs} ms`, true);
      return failed(reasonOf(error), true);
    }
  }

  close(): void {
    void this.#agent.destroy();
  }
}

function failed(error: string, isRetryable: boolean, retryMs?: number): Posted {
  return { isTaken: false, isRetryable, retryMs, answer: nothing, error };
}

/** What is longer is no answer of a collector's, and read by nobody. */
async function readAtMost(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) return nothing;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? `${code}: ${error.message}` : error.message;
}
