import { once } from 'node:events';
import { Gateway, readFromDisk } from '../gateway.ts';
import { watchConfig } from '../config/watch.ts';
import { operatorLog } from './log.ts';
import { configPath } from './usage.ts';

/** Serves until SIGTERM or SIGINT, then drains. */
export async function start(config: string | undefined, listening?: () => void): Promise<number> {
  const path = configPath(config);
  const log = operatorLog();
  const gateway = new Gateway({ log });
  await gateway.apply(readFromDisk(path), { listen: true });
  for (const { host, port } of gateway.listeners)
    process.stdout.write(`listening on http://${host ?? '0.0.0.0'}:${port}\n`);
  listening?.();
  const watcher = watchConfig(path, gateway, log);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  watcher.close();
  log.info({}, 'stopping: requests in flight may finish');
  await gateway.close();
  return 0;
}
