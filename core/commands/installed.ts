import { Problems } from '../config/check.ts';
import { ConfigError } from '../config/problems.ts';
import { Cages } from '../sandbox/cages.ts';
import { silentLog } from './log.ts';
import { readFromDisk } from '../gateway.ts';
import { loadPlugins } from '../plugins/load.ts';
import { type LoadedPlugin, loadOwnPlugins } from '../plugins/registry.ts';

/** The gateway's own plugins, and the extensions of a configuration when one is given. */
export async function installedPlugins(config: string | undefined): Promise<readonly LoadedPlugin[]> {
  if (config === undefined) return loadOwnPlugins();
  const text = readFromDisk(config);
  const problems = new Problems(text.locate, []);
  const clock = { now: () => Date.now() };
  const cages = new Cages(clock.now);
  cages.begin();
  const installed = await loadPlugins(text, problems, [], { cages, clock, log: silentLog });
  cages.end();
  if (problems.list.length > 0) throw new ConfigError(problems.list);
  return installed;
}
