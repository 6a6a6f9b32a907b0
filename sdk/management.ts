import type { Params } from './params.ts';

/** A page for operators and their tools. */
export interface ManagementPage {
  /** As sent: `/` and letters, digits or `.`, `_`, `~`, `-`, `/`. `/healthz`, `/readyz` and `/status` are the gateway's own. */
  readonly path: string;
  /** What may be sent there; GET, which stands for HEAD too, unless given. A page that changes something takes no GET. */
  readonly methods?: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[];
  handle(request: ManagementRequest): ManagementAnswer | Promise<ManagementAnswer>;
}

export interface ManagementRequest {
  readonly method: string;
  readonly query: Params;
  /** Its content as text, 64 KiB at most; empty when it has none. */
  readonly body: string;
}

export interface ManagementAnswer {
  /** 200 unless given. */
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
  /** The methods there are, where the request's is none of them (RFC 9110 section 10.2.1). */
  readonly allow?: string;
}

/** Who is told how long handlers of plugins take, at every hook. */
export interface HandlerTiming {
  /** One call in so many is timed, counted for each handler by itself from a random start. */
  readonly every: number;
  /** @param ms until the handler answered, what it waited for included */
  record(plugin: string, hook: string, ms: number): void;
}
