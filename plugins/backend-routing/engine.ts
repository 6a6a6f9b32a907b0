import { type Backend, type Exchange, type Outbound, type Reply, refuse } from '#sdk';

/** A route as the engine sees it, whatever language its condition and its additions were written in. */
export interface EngineRoute {
  readonly name: string;
  matches(exchange: Exchange): boolean;
  /** Undefined when too little is known to call it: a request that matches is then refused. */
  readonly backend: Backend | undefined;
  /** Adds what the route sends besides, after the backend completed the request and before anybody signs it. */
  decorate?(outbound: Outbound): void;
}

/** The first route that matches decides; undefined means the API's own backend. */
export type Choose = (exchange: Exchange) => Backend | Reply | undefined;

/** Compiles routes, in the order in which they are tried. */
export function compileRoutes(routes: readonly EngineRoute[]): Choose {
  const compiled = routes.map((route) => ({ route, target: decorated(route) }));
  return (exchange) => {
    for (const { route, target } of compiled) {
      if (!route.matches(exchange)) continue;
      return target ?? refuse('backend-incomplete', { cause: `route ${route.name} has no address to call` });
    }
    return undefined;
  };
}

function decorated(route: EngineRoute): Backend | undefined {
  const { backend } = route;
  const decorate = route.decorate?.bind(route);
  if (backend === undefined || decorate === undefined) return backend;
  return {
    ...(backend.isMock === true ? { isMock: true } : {}),
    ...(backend.authorize === undefined ? {} : { authorize: backend.authorize.bind(backend) }),
    prepare(outbound) {
      const refusal = backend.prepare?.(outbound);
      if (refusal === undefined) decorate(outbound);
      return refusal;
    },
    invoke: (outbound) => backend.invoke(outbound),
  };
}
