/** Where lines go. */
export interface Sink {
  /** For the operator; never a secret. */
  readonly name: string;
  /** Settles when they have been taken. Rejects when they were not; with a `FinalError` when trying again is of no use. */
  send(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** They will never be taken. */
export class FinalError extends Error {}
