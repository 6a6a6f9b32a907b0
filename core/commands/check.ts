import { Gateway, readFromDisk } from '../gateway.ts';
import { silentLog } from './log.ts';
import { configPath } from './usage.ts';

/** Checks a configuration without serving it; a ConfigError says what is wrong. */
export async function check(config: string | undefined): Promise<number> {
  const { snapshot, root } = await new Gateway({ log: silentLog }).build(readFromDisk(configPath(config)));
  const apis = Object.keys(root.apis ?? {}).length;
  process.stdout.write(
    `the configuration is good: ${apis} APIs, ${snapshot.endpoints.all.length} published\n`,
  );
  snapshot.retire();
  return 0;
}
