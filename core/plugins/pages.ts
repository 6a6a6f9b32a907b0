import type { GatewayHooks, ManagementPage } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { LoadedPlugin } from './registry.ts';

/** Pages of the management listener that the gateway serves itself. */
export const ownPages = { health: '/healthz', readiness: '/readyz', status: '/status' } as const;

/** A plugin's pages, however many it has. */
export function pagesOf({ management }: GatewayHooks): readonly ManagementPage[] {
  return management === undefined
    ? []
    : Array.isArray(management)
      ? management
      : [management as ManagementPage];
}

/** A page that nothing serves, or two at one path, are mistakes to be told before somebody misses their figures. */
export function checkPages(
  setups: ReadonlyMap<string, GatewayHooks>,
  plugins: readonly LoadedPlugin[],
  hasManagement: boolean,
  problems: Problems,
): void {
  const owners = new Map<string, string>(Object.values(ownPages).map((path) => [path, 'the gateway']));
  for (const { definition } of plugins) {
    const { name, section } = definition;
    const at = [section?.name ?? name];
    const setup = setups.get(name);
    for (const { path, isOptional = false } of setup === undefined ? [] : pagesOf(setup)) {
      const owner = owners.get(path);
      owners.set(path, `the plugin "${name}"`);
      if (owner !== undefined) problems.add(at, `the page ${path} belongs to ${owner} already`);
      if (!hasManagement && !isOptional)
        problems.add(at, `nothing serves ${path}; \`management: { port: N }\` says where to listen for it`);
    }
  }
}
