import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GatewayHooks, Log, ManagementAnswer, ManagementPage, ManagementRequest } from '#sdk';
import { ownPages, pagesOf } from './plugins/pages.ts';

export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The configuration in force, as the pages tell it. */
interface InForce {
  /** Counts the configurations of this gateway. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly hashes: ReadonlyMap<string, string>;
  readonly apis: number;
  readonly setups: ReadonlyMap<string, GatewayHooks>;
}

/** A gateway, as its pages tell of it. */
export interface Managed {
  readonly isDraining: boolean;
  /** Whether there is something to serve. */
  readonly isInForce: boolean;
  status(): unknown;
  /** Those of plugins. */
  pages(): readonly Pick<ManagementPage, 'path' | 'methods' | 'handle'>[];
}

/** What `/status` tells. */
export interface Status {
  readonly version: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly isReady: boolean;
  readonly isDraining: boolean;
  readonly inFlight: number;
  readonly configuration: {
    readonly id: string;
    readonly number: number;
    readonly since: string;
    readonly apis: number;
  } | null;
  readonly plugins: Readonly<Record<string, unknown>>;
}

/** What a status is made of. */
export interface StatusOf {
  readonly log: Log;
  readonly now: number;
  readonly startedAt: number;
  readonly isDraining: boolean;
  readonly inFlight: number;
  /** Null before there is one. */
  readonly inForce: InForce | null;
}

/** Answers for a page of the management listener. Never rejects. */
export async function answerPage(
  path: string,
  request: ManagementRequest,
  managed: Managed,
): Promise<ManagementAnswer> {
  if ((Object.values(ownPages) as string[]).includes(path) && request.method !== 'GET')
    return notAllowed(['GET']);
  if (path === ownPages.health) return text(200, 'ok');
  if (path === ownPages.readiness) return readiness(managed);
  if (path === ownPages.status) return json(await managed.status());
  const pages = managed.pages();
  const found = pages.find((page) => page.path === path);
  if (found === undefined) {
    const paths = [...Object.values(ownPages), ...pages.map((page) => page.path)];
    return text(404, `there is no such page; there are ${paths.join(', ')}`);
  }
  const { methods = ['GET'] } = found;
  if (!(methods as readonly string[]).includes(request.method)) return notAllowed(methods);
  return found.handle(request);
}

/** The pages of plugins, made fit to be answered with. They never reject. */
export function guardedPages(setups: ReadonlyMap<string, GatewayHooks>, log: Log) {
  return [...setups].flatMap(([plugin, hooks]) =>
    pagesOf(hooks).map((page) => guardedPage(plugin, page, log)),
  );
}

function guardedPage(plugin: string, page: ManagementPage, log: Log): ManagementPage {
  const { workers } = page;
  const guarded =
    <Args extends readonly unknown[]>(answer: (...args: Args) => unknown) =>
    async (...args: Args): Promise<ManagementAnswer> => {
      try {
        return checked((await answer(...args)) as ManagementAnswer);
      } catch (error) {
        fault(log, plugin, 'management', error);
        return text(500, `the plugin ${plugin} failed; the log says more`);
      }
    };
  return {
    path: page.path,
    ...(page.methods === undefined ? {} : { methods: page.methods }),
    handle: guarded((request: ManagementRequest) => page.handle(request)),
    ...(workers !== undefined && {
      workers: {
        share: (request) => workers.share(request) as unknown,
        merge: guarded((shares: readonly unknown[], request: ManagementRequest) =>
          workers.merge(shares, request),
        ),
        ...(workers.remains !== undefined && {
          remains: (shares: readonly unknown[]) => workers.remains?.(shares) as unknown,
        }),
        ...(workers.counted !== undefined && { counted: () => workers.counted?.() as unknown }),
      },
    }),
  };
}

/** A plugin without types may answer anything. */
function checked(answer: ManagementAnswer): ManagementAnswer {
  const { status: code = 200, contentType, body } = answer;
  const isStatus = Number.isInteger(code) && code >= 200 && code <= 599;
  if (isStatus && typeof contentType === 'string' && typeof body === 'string') return answer;
  throw new TypeError('a page must be a `contentType` and a `body`, both text, and a status of 200 to 599');
}

function readiness({ isInForce, isDraining }: Managed): ManagementAnswer {
  if (isDraining) return text(503, 'draining');
  return isInForce ? text(200, 'ready') : text(503, 'no configuration is in force');
}

/** What `/status` tells of a gateway. */
export function statusOf({ log, now, startedAt, isDraining, inFlight, inForce }: StatusOf): Status {
  return {
    version,
    startedAt: new Date(startedAt).toISOString(),
    uptimeSeconds: Math.floor((now - startedAt) / 1000),
    isReady: inForce !== null && !isDraining,
    isDraining,
    inFlight,
    configuration: inForce && {
      id: idOf(inForce.hashes),
      number: inForce.number,
      since: new Date(inForce.since).toISOString(),
      apis: inForce.apis,
    },
    plugins: Object.fromEntries(
      [...(inForce?.setups ?? [])].flatMap(([plugin, hooks]) =>
        hooks.status === undefined ? [] : [[plugin, saidBy(plugin, hooks, log)]],
      ),
    ),
  };
}

function saidBy(plugin: string, hooks: GatewayHooks, log: Log): unknown {
  try {
    // Here, so that what cannot be told as JSON is this plugin's fault and leaves the others' status.
    return JSON.parse(JSON.stringify(hooks.status?.() ?? null)) as unknown;
  } catch (error) {
    fault(log, plugin, 'status', error);
    return { failed: true };
  }
}

/** The same files, the same id, on every machine that has them at the same place. */
export function idOf(hashes: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
    .slice(0, 12);
}

function fault(log: Log, plugin: string, hook: string, error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error({ plugin, hook, error: reason }, 'a plugin failed');
}

export const text = (code: number, body: string): ManagementAnswer => ({
  status: code,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

/** What may be sent there instead. */
const notAllowed = (methods: readonly string[]): ManagementAnswer => {
  const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return { ...text(405, `only ${allowed.join(' and ')}`), allow: allowed.join(', ') };
};

const json = (value: unknown): ManagementAnswer => ({
  contentType: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
});
