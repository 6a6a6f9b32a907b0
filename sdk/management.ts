/** A page for operators and their tools. */
export interface ManagementPage {
  /** As sent: `/` and letters, digits or `.`, `_`, `~`, `-`, `/`. `/healthz`, `/readyz` and `/status` are the gateway's own. */
  readonly path: string;
  /** Answers a GET or a HEAD. With several workers the main one does, unless there is `workers`. */
  handle(): ManagementAnswer | Promise<ManagementAnswer>;
  /** With several workers: what of the page each of them knows, and how that makes one answer. */
  readonly workers?: SharedPage;
}

/** A page that every worker has a share in. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a share is, the page alone knows
export interface SharedPage<Share = any> {
  /** What this worker knows, as plain JSON. */
  share(): Share | Promise<Share>;
  /** Runs in one worker; it gets everybody's share, its own among them, and what is left of those that ended. */
  merge(shares: readonly Share[]): ManagementAnswer | Promise<ManagementAnswer>;
  /**
   * What is left of workers that ended, as one share: what was counted must not go back. Shares are then asked for every
   * second. Nothing is left when absent.
   */
  remains?(shares: readonly Share[]): Share;
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
