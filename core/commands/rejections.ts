import { type Log, Reply } from '#sdk';

/** What a plugin left to itself must not end everybody's requests; what they wait for is answered by the kernel. */
export function tellRejections(log: Log): void {
  process.on('unhandledRejection', (reason) => {
    const error = reason instanceof Error ? (reason.stack ?? reason.message) : describe(reason);
    log.error({ error }, 'a promise was rejected that nobody waits for');
  });
}

/** A body that breaks off rejects with a refusal. */
function describe(reason: unknown): string {
  return reason instanceof Reply ? (reason.refusal?.kind ?? 'an answer') : String(reason);
}
