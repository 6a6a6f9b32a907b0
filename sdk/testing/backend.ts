import type { TargetFactory } from '../../core/http/client.ts';
import type { Fields } from '../fields.ts';
import { type Reply, refuse } from '../reply.ts';

/** A request as the backend got it. */
export interface BackendRequest {
  readonly method: string;
  /** `http://host:port` it was sent to. */
  readonly origin: string;
  /** The `Host` it carries. */
  readonly host: string;
  readonly path: string;
  readonly rawQuery: string;
  readonly headers: Fields;
  readonly body: Buffer;
}

/** A server in memory. */
export type MemoryBackend = (request: BackendRequest) => Reply | Promise<Reply>;

/** Serves origins from memory; an origin that is not listed refuses the connection. */
export function memoryTargets(
  backends: Readonly<Record<string, MemoryBackend>>,
  seen: BackendRequest[],
): TargetFactory {
  return (origin) => ({
    release: () => undefined,
    target: {
      origin,
      async send(outbound) {
        const backend = backends[origin] ?? backends['*'];
        if (backend === undefined)
          return refuse('backend-unavailable', { cause: `no backend at ${origin}`, isUnsent: true });
        const request: BackendRequest = {
          method: outbound.method,
          origin,
          host: outbound.host ?? origin.replace(/^https?:\/\//, ''),
          path: outbound.path,
          rawQuery: outbound.rawQuery,
          headers: outbound.headers.clone(),
          body: await outbound.readBody(),
        };
        seen.push(request);
        return backend(request);
      },
    },
  });
}
