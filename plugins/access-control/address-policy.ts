import { Apps, type Exchange, type Kit, type Reply, refuse } from '#sdk';
import { type Listed, listOf } from './addresses.ts';
import { fromForwardedFor } from './client-address.ts';
import type { Config } from './options.ts';

type Check = (exchange: Exchange) => Reply | undefined;

/** Allows or denies calls by the caller's address. */
export function addressCheck(config: Config, kit: Kit): Check {
  const { effect, values, dataSets, clientAddress, apps } = config;
  if (values === undefined && dataSets === undefined && apps === undefined)
    kit.problem([], 'nobody is listed; allowed: `values`, `dataSets`, `apps`');
  const index = forwardedIndex(clientAddress, kit);
  // What callers write themselves would be kept in memory.
  const context = { kit, isKept: index === undefined };
  const read = index === undefined ? connection : fromForwardedFor(index);
  const common = values === undefined && dataSets === undefined ? undefined : listOf(config, [], context);
  if (apps === undefined) return (exchange) => judge(common?.(read(exchange) ?? ''), effect);
  if (effect === 'deny') kit.problem(['apps'], 'apps have lists of their own with `effect: allow` only');
  const ofApps = new Map<string, Listed>();
  for (const [app, list] of Object.entries(apps)) {
    checkApp(app, kit);
    ofApps.set(app, listOf(list, ['apps', app], context));
  }
  return (exchange) => {
    const app = exchange.identity?.app;
    const own = app === undefined ? undefined : (ofApps.get(app.id) ?? ofApps.get(app.name));
    // Lists of other apps do not concern this caller.
    if (common === undefined && own === undefined) return undefined;
    const address = read(exchange) ?? '';
    const isListed = common?.(address);
    return judge(isListed === true || own === undefined ? isListed : own(address), effect);
  };
}

function connection({ clientAddress }: Exchange): string {
  return clientAddress;
}

function judge(isListed: boolean | undefined, effect: Config['effect']): Reply | undefined {
  // Whoever cannot be told apart is let through by neither effect.
  if (isListed === undefined) return refuse('client-address-unknown');
  return isListed === (effect === 'allow') ? undefined : refuse('ip-not-allowed');
}

/** A misspelt name would let the app call from everywhere. */
function checkApp(name: string, kit: Kit): void {
  const apps = kit.find(Apps);
  if ((apps?.byId?.(name) ?? apps?.byName(name)) !== undefined) return;
  kit.problem(['apps', name], `there is no app "${name}"; allowed: the ids and names under \`apps\``);
}

/** Which entry of X-Forwarded-For counts; undefined when it is the address of the connection. */
function forwardedIndex(options: Config['clientAddress'], kit: Kit): number | undefined {
  if (options?.from === 'forwarded-for') return options.index ?? -1;
  if (options?.index !== undefined) {
    kit.problem(
      ['clientAddress', 'index'],
      'only X-Forwarded-For has entries; allowed with `from: forwarded-for`',
    );
  }
  return undefined;
}
