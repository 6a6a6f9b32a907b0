/** A call that could not be made, for the operator. */
export interface DeadLetter {
  readonly id: number;
  readonly requestId: string;
  readonly function: string;
  readonly api: string;
  readonly environment: string;
  readonly attempts: number;
  readonly reason: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly deadAt: number;
}

/** The dead letters of a queue; the gateways of the queue may be running. */
export interface DeadLetters {
  /** The oldest first. */
  list(): AsyncIterable<DeadLetter> | Iterable<DeadLetter>;
  /** One of them with its event, which may hold secrets of the caller; undefined when it is none. */
  show(id: number): Promise<(DeadLetter & { readonly event: string }) | undefined>;
  /** Makes the call again, with all its retries; all of them without an id. Answers how many. */
  requeue(id?: number): Promise<number>;
  delete(id?: number): Promise<number>;
  close(): void;
}
