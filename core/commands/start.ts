import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import type { Log } from '#sdk';
import { collect } from '../collect.ts';
import { readKeeping } from '../config/copies.ts';
import { Known } from '../config/known.ts';
import { ConfigError } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import { type Reloadable, watchConfig } from '../config/watch.ts';
import { Gateway } from '../gateway.ts';
import { Supervisor } from '../workers/supervisor.ts';
import { operatorLines, operatorLog } from './log.ts';
import { tellRejections } from './rejections.ts';
import { configPath } from './usage.ts';

/** What serves, in one process or in several. */
interface Serving extends Reloadable, Listening {
  close(): Promise<void>;
}

/** Serves until SIGTERM or SIGINT, then drains. SIGHUP reads the configuration again. */
export async function start(config: string | undefined, listening?: () => void): Promise<number> {
  const path = configPath(config);
  const lines = operatorLines();
  const log = operatorLog(lines);
  tellRejections(log);
  const known = new Known();
  let isKept = true;
  const read = (): Promise<ConfigText> => readKeeping(path, process.env, known, isKept);
  const serving = await begin(read, log, lines);
  isKept = serving instanceof Supervisor;
  flushCompileCache();
  sayListeners(serving);
  listening?.();
  const watcher = watchConfig(path, serving, log, { read });
  const again = (): void => watcher.reload();
  process.on('SIGHUP', again);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  process.off('SIGHUP', again);
  watcher.close();
  log.info({}, 'stopping: requests in flight may finish');
  await serving.close();
  return 0;
}

// A function of its own: one that waits for a signal would hold on to what was read for as long as the gateway runs.
async function begin(
  read: () => Promise<ConfigText>,
  log: Log,
  lines: ReturnType<typeof operatorLines>,
): Promise<Serving> {
  const text = await read();
  if (text.root['workers'] !== undefined) {
    const supervisor = new Supervisor(log, lines);
    await supervisor.begin(text);
    return supervisor;
  }
  const gateway = new Gateway({ log, ready: collect });
  await gateway.apply(text, { listen: true });
  return alone(gateway);
}

/** A gateway of one process, which a changed configuration cannot turn into several. */
function alone(gateway: Gateway): Serving {
  return {
    get hashes() {
      return gateway.hashes;
    },
    get listeners() {
      return gateway.listeners;
    },
    get management() {
      return gateway.management;
    },
    async apply(text, options) {
      const message =
        'found for the first time; a gateway of one process becomes one of several by a restart';
      if (text.root['workers'] !== undefined) {
        await text.complete?.();
        const at = text.locate.positionOf(['workers'], { key: true });
        throw new ConfigError([{ at, path: 'workers', message }]);
      }
      await gateway.apply(text, options);
    },
    close: () => gateway.close(),
  };
}

interface Listening {
  readonly listeners: readonly {
    readonly host: string | undefined;
    readonly port: number;
    readonly secure: unknown;
  }[];
  readonly management: { readonly host: string; readonly port: number } | null;
}

export function sayListeners({ listeners, management }: Listening): void {
  for (const { host, port, secure } of listeners) {
    const scheme = secure === null || secure === false ? 'http' : 'https';
    process.stdout.write(`listening on ${scheme}://${host ?? '0.0.0.0'}:${port}\n`);
  }
  if (management !== null)
    process.stdout.write(`management at http://${management.host}:${management.port}\n`);
}
