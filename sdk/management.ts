import type { Params } from './params.ts';

/** A page for operators and their tools. */
export interface ManagementPage {
  /** As sent: `/` and letters, digits or `.`, `_`, `~`, `-`, `/`. `/healthz`, `/readyz` and `/status` are the gateway's own. */
  readonly path: string;
  /** What may be sent there; GET, which stands for HEAD too, unless given. A page that changes something takes no GET. */
  readonly methods?: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[];
  /** A configuration without `management` does without the page; unless this is set, that is a problem. */
  readonly isOptional?: boolean;
  /** With several workers the main one answers, unless there is `workers`. */
  handle(request: ManagementRequest): ManagementAnswer | Promise<ManagementAnswer>;
  /** For several workers: what each of them does or knows, and how that makes one answer. */
  readonly workers?: SharedPage;
}

/** A page that every worker has a share in. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a share is, the page alone knows
export interface SharedPage<Share = any> {
  /** Runs in every worker, and answers plain JSON. */
  share(request: ManagementRequest): Share | Promise<Share>;
  /** Runs in one worker. It gets everybody's share, its own among them, and what is left of workers that ended. */
  merge(shares: readonly Share[], request: ManagementRequest): ManagementAnswer | Promise<ManagementAnswer>;
  /**
   * Makes one share of those of workers that ended: what was counted must not go back. Shares of such a page are asked
   * for every second, as by a GET without a query. Nothing is left of them when absent.
   */
  remains?(shares: readonly Share[]): Share | Promise<Share>;
  /** What `remains` needs of a share, where a whole one costs too much to be asked for every second. */
  counted?(): Share | Promise<Share>;
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
