/** A page for operators and their tools. */
export interface ManagementPage {
  /** As sent: `/` and letters, digits or `.`, `_`, `~`, `-`, `/`. `/healthz`, `/readyz` and `/status` are the gateway's own. */
  readonly path: string;
  /** Answers a GET or a HEAD. */
  handle(): ManagementAnswer | Promise<ManagementAnswer>;
}

export interface ManagementAnswer {
  /** 200 unless given. */
  readonly status?: number;
  readonly contentType: string;
  readonly body: string;
}

/** Who is told how long handlers of plugins take, at every hook. */
export interface HandlerTiming {
  /** One call in so many is timed, counted for each handler by itself from a random start. */
  readonly every: number;
  /** @param ms until the handler answered, what it waited for included */
  record(plugin: string, hook: string, ms: number): void;
}
