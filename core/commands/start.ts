import { once } from 'node:events';
import { Gateway, readFromDisk } from '../gateway.ts';
import { type Log, Reply } from '#sdk';
import { watchConfig } from '../config/watch.ts';
import { operatorLog } from './log.ts';
import { configPath } from './usage.ts';

/** Serves until SIGTERM or SIGINT, then drains. */
export async function start(config: string | undefined, listening?: () => void): Promise<number> {
  const path = configPath(config);
  const log = operatorLog();
  tellRejections(log);
  const gateway = new Gateway({ log });
  await gateway.apply(readFromDisk(path), { listen: true });
  sayListeners(gateway);
  listening?.();
  const watcher = watchConfig(path, gateway, log);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  watcher.close();
  log.info({}, 'stopping: requests in flight may finish');
  await gateway.close();
  return 0;
}

/** What a plugin left to itself must not end everybody's requests; what they wait for is answered by the kernel. */
export function tellRejections(log: Log): void {
  process.on('unhandledRejection', (reason) => {
    const error = reason instanceof Error ? (reason.stack ?? reason.message) : describe(reason);
    log.error({ error }, 'a promise was rejected that nobody waits for');
  });
}

export function sayListeners(gateway: Gateway): void {
  for (const { host, port, secure } of gateway.listeners)
    process.stdout.write(
      `listening on ${secure === null ? 'http' : 'https'}://${host ?? '0.0.0.0'}:${port}\n`,
    );
  const { management } = gateway;
  if (management !== null)
    process.stdout.write(`management at http://${management.host}:${management.port}\n`);
}

/** A body that breaks off rejects with a refusal. */
function describe(reason: unknown): string {
  return reason instanceof Reply ? (reason.refusal?.kind ?? 'an answer') : String(reason);
}
