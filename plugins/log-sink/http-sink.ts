import { Agent, request } from 'undici';
import type { HttpOptions } from './options.ts';
import { FinalError, type Sink } from './sink.ts';

/** What may be taken later (RFC 9110 section 15.5.9, RFC 6585 section 4). */
const later: ReadonlySet<number> = new Set([408, 425, 429]);

/** POSTs batches to a server. */
export function httpSink({ url, headers, timeoutMs = 5000, format = 'ndjson' }: HttpOptions): Sink {
  const agent = new Agent({ connections: 2, connect: { timeout: timeoutMs } });
  const type = format === 'ndjson' ? 'application/x-ndjson' : 'application/json';
  const { origin } = new URL(url);
  return {
    // Without path and query, where tokens stand.
    name: `http ${origin}`,
    async send(lines) {
      const body = format === 'ndjson' ? `${lines.join('\n')}\n` : `[${lines.join(',')}]`;
      const { statusCode, body: answer } = await request(url, {
        dispatcher: agent,
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.dump();
      if (statusCode >= 200 && statusCode < 300) return;
      const message = `it answered ${statusCode}`;
      throw statusCode < 500 && !later.has(statusCode) ? new FinalError(message) : new Error(message);
    },
    close: () => agent.destroy(),
  };
}
