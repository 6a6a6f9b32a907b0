import { type Exchange, type Hooks, type Kit, type Outbound, definePlugin, offer, refuse } from '#sdk';
import { stripCookies } from './cookies.ts';
import { type Connection, network } from './fetch.ts';
import { fromHuawei } from './huawei.ts';
import { Config } from './options.ts';
import { compileOutbound } from './outbound.ts';
import { Own, Sites } from './sites.ts';

/** @param connect how providers are reached */
export function oidc(connect: () => Connection) {
  return definePlugin({
    name: 'oidc',
    summary:
      'Signs people in with OpenID Connect, keeps their sessions, and lets in who brings a token of the provider.',
    config: Config,
    dialects: { 'huawei/oidc_auth': fromHuawei },
    offers: [Own],
    setup(_section, kit) {
      const { fetch, close } = connect();
      const sites = new Sites(kit, fetch);
      let stop: (() => void) | undefined;
      return {
        amend: () => sites.amend(),
        services: [offer(Own, sites)],
        fallback: (request) => sites.fallback(request),
        activate() {
          stop = sites.serveWorkers();
        },
        dispose() {
          stop?.();
          close();
        },
      };
    },
    bind(config: Config, kit): Hooks {
      const sites = kit.use(Own);
      const site = sites.join(config, kit);
      // A configuration with problems is never served.
      if (site === undefined) return { auth: { stage: 'authenticate', handle: () => refuse('internal') } };
      if (sites.pageOf(kit.api.name) !== undefined) return pageHooks(sites, kit);
      return {
        ...pathHooks(sites, kit),
        auth: { stage: 'authenticate', handle: (exchange) => site.gate.admit(exchange) },
        backendSigning: { stage: 'change', handle: compileOutbound(config) },
        describe: () => describe(config),
      };
    },
    // Whatever is bound how: an API that signs in or out is seldom bound to the plugin.
    bindRest(_section, kit): Hooks | undefined {
      const sites = kit.use(Own);
      if (sites.pageOf(kit.api.name) !== undefined) return pageHooks(sites, kit);
      const paths = sites.pathsIn(kit.api.group.name);
      if (paths === undefined) return undefined;
      // Other APIs of a domain get its cookies too.
      const strip = ({ headers }: Outbound): undefined => {
        stripCookies(headers);
        return undefined;
      };
      return { ...pathHooks(sites, kit), backendSigning: { stage: 'change', handle: strip } };
    },
  });
}

/** For an API that the operator made for signing in or out; limits of its own hold. */
function pageHooks(sites: Sites, { api }: Kit): Hooks {
  const handle = (exchange: Exchange) => sites.pageOf(api.name)?.handle(exchange);
  return { auth: { stage: 'serve', handle } };
}

/** For an API that takes many paths, among them one of the plugin's own. */
function pathHooks(sites: Sites, { api }: Kit): Hooks {
  const paths = sites.pathsIn(api.group.name);
  const { path, match } = api.request;
  if (paths === undefined || (match === 'exact' && !path.includes('{'))) return {};
  return { preAuth: (exchange) => paths.get(exchange.path)?.handle(exchange) };
}

function describe({ discovery, clientId, scope, bearer, refresh }: Config): string[] {
  return [
    `signs in at ${discovery} as ${clientId}, for ${scope}`,
    `${bearer.accept ? 'a bearer token stands for a session' : 'only sessions count'}; access tokens are ${refresh.enabled ? '' : 'not '}refreshed`,
  ];
}

export default oidc(network);
