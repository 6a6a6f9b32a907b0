/** A call as it is kept: everything that making it later needs. */
export interface NewCall {
  readonly requestId: string;
  readonly function: string;
  /** `group/name`, and the environment: for the operator. */
  readonly api: string;
  readonly environment: string;
  readonly timeoutMs: number | undefined;
  /** JSON. Holds what the caller sent: never for a log. */
  readonly event: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
}

/** A call that is due. */
export interface DueCall extends NewCall {
  readonly id: number;
  /** How often it was made before and failed. */
  readonly attempts: number;
}

/** What becomes of a call that was taken. `reason` is for the operator. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly at: number; readonly attempts: number; readonly reason: string }
  | { readonly kind: 'dead'; readonly at: number; readonly attempts: number; readonly reason: string };

export interface Wanted {
  readonly now: number;
  /** Calls of other functions stay where they are. */
  readonly functions: readonly string[];
  /** Of each function, together with those taken before and not settled. */
  readonly concurrency: number;
}

export interface Taken {
  readonly calls: readonly DueCall[];
  /** When the next of those functions' calls is due that is not due yet. */
  readonly nextDueAt: number | undefined;
}

export interface Bounds {
  readonly now: number;
  /** Calls accepted before become dead letters. */
  readonly bornAfter: number;
  /** Dead letters from before are dropped. */
  readonly deadAfter: number;
  readonly deadBytes: number;
}

/** How many calls grew too old, and how many dead letters were dropped. */
export interface Tidied {
  readonly expired: number;
  readonly dropped: number;
}

/**
 * Calls that are kept until they were made. Every method rejects when the store fails, and nothing has changed then.
 * What was taken and not settled when the process ends is there again for the next one.
 */
export interface Queue {
  /** Answers whether it was taken in: true once nothing but the loss of the store can lose it, false when that is too much. */
  add(call: NewCall, maxBytes: number): Promise<boolean>;
  take(wanted: Wanted): Promise<Taken>;
  /** Only for a call that was taken. */
  settle(id: number, outcome: Outcome): Promise<void>;
  tidy(bounds: Bounds): Promise<Tidied>;
  /** Finishes what it was told before; everything after it rejects. */
  close(): Promise<void>;
}
