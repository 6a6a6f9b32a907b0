/**
 * The workers of one machine, as a plugin sees them. A gateway of one process is a machine with one worker. Topics are
 * private to the plugin; what is passed on is plain JSON.
 */
export interface Machine {
  /** Whether this worker does what a machine does once. At most one is, and it stays so until it ends. */
  readonly isMain: boolean;
  /**
   * Begins what a machine does once: now where this worker is the one, else when it becomes it, because the one before
   * ended. Answers what gives that up.
   */
  whenMain(begin: () => void): () => void;
  /** Makes a small value known in every worker, in this one at once, and in those that start later. The last one counts; undefined: none. */
  publish(topic: string, value: unknown): void;
  /** Takes what is published, the last value first if there is one. Answers what ends that. */
  subscribe(topic: string, take: (value: unknown) => void): () => void;
  /** Asks the main worker. Rejects when there is none, it fails, or nothing answers there. */
  ask(topic: string, question: unknown): Promise<unknown>;
  /** Says what answers questions while this worker is the main one; the last one that was named does. Answers what ends that. */
  answer(topic: string, respond: (question: unknown) => unknown): () => void;
  /** 32 random bytes for a purpose, the same in all workers while the gateway runs. */
  key(purpose: string): Buffer;
}
