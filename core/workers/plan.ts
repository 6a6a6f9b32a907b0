import { type ManagementPage, Params, type SharedPage } from '#sdk';
import { defaultListeners } from '../config/schema.ts';
import { pagesOf } from '../plugins/pages.ts';
import type { Built } from '../plugins/build.ts';
import type { DevelopmentPair } from '../http/development-certificate.ts';
import type { PageInfo, Plan } from './messages.ts';
import { planWorkers } from './options.ts';

/** What the supervisor has to know of a configuration that a worker has built. */
export function planOf({ root, limits, tls, snapshot }: Built, development: DevelopmentPair | null): Plan {
  const { drainTimeoutMs } = limits;
  return {
    listeners: (root.listeners ?? defaultListeners).map(({ port, host }, index) => ({
      port,
      ...(host === undefined ? {} : { host }),
      isSecure: tls.listeners[index] !== undefined,
    })),
    management: root.management,
    limits: { drainTimeoutMs },
    workers: planWorkers(root.workers),
    apis: snapshot.apis,
    pages: [...snapshot.setups.values()].flatMap(pagesOf).map(infoOf),
    development,
  };
}

function infoOf({ path, methods = ['GET'], workers }: ManagementPage): PageInfo {
  const kind = workers === undefined ? 'main' : workers.remains === undefined ? 'shared' : 'counted';
  return { path, methods, kind };
}

/** What a worker has to say for pages that all have a share in. */
export function sharedPage(pages: readonly ManagementPage[], path: string): SharedPage {
  const shared = pages.find((page) => page.path === path)?.workers;
  if (shared === undefined) throw new Error('there is no such page');
  return shared;
}

/** What of a worker's share must not be lost with it. */
export function counted(page: SharedPage): unknown {
  return page.counted === undefined
    ? (page.share({ method: 'GET', query: Params.parse(''), body: '' }) as unknown)
    : (page.counted() as unknown);
}
