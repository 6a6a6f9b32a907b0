import type { Arrival, Route } from './exchange.ts';
import type { Reply } from './reply.ts';
import { type ServiceToken, defineService } from './services.ts';

/** Where requests go, for plugins that ask about requests which were not made. */
export interface Routes {
  /** What `routing` would answer to such a request. */
  find(request: Pick<Arrival, 'method' | 'host' | 'path' | 'headers'>): Route | Reply | undefined;
}

/** Offered by the plugin that routes, if it can tell. */
export const Routes: ServiceToken<Routes> = defineService<Routes>('routes');
