import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { GatewayHooks, Log, ManagementAnswer, ManagementRequest } from '#sdk';
import { ownPages, pagesOf } from './plugins/pages.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
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

/** What the pages are about. */
export interface Managed {
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
  if (path === ownPages.status) return json(status(managed));
  const pages = [...(managed.inForce?.setups ?? [])].flatMap(([plugin, hooks]) =>
    pagesOf(hooks).map((page) => ({ plugin, page })),
  );
  const found = pages.find(({ page }) => page.path === path);
  if (found === undefined) {
    const paths = [...Object.values(ownPages), ...pages.map(({ page }) => page.path)];
    return text(404, `there is no such page; there are ${paths.join(', ')}`);
  }
  const { methods = ['GET'] } = found.page;
  if (!(methods as readonly string[]).includes(request.method)) return notAllowed(methods);
  try {
    return checked(await found.page.handle(request));
  } catch (error) {
    fault(managed.log, found.plugin, 'management', error);
    return text(500, `the plugin ${found.plugin} failed; the log says more`);
  }
}

/** A plugin without types may answer anything. */
function checked(answer: ManagementAnswer): ManagementAnswer {
  const { status: code = 200, contentType, body } = answer;
  const isStatus = Number.isInteger(code) && code >= 200 && code <= 599;
  if (isStatus && typeof contentType === 'string' && typeof body === 'string') return answer;
  throw new TypeError('a page must be a `contentType` and a `body`, both text, and a status of 200 to 599');
}

function readiness({ inForce, isDraining }: Managed): ManagementAnswer {
  if (isDraining) return text(503, 'draining');
  return inForce === null ? text(503, 'no configuration is in force') : text(200, 'ready');
}

function status({ log, now, startedAt, isDraining, inFlight, inForce }: Managed): unknown {
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
        hooks.status === undefined ? [] : [[plugin, statusOf(plugin, hooks, log)]],
      ),
    ),
  };
}

function statusOf(plugin: string, hooks: GatewayHooks, log: Log): unknown {
  try {
    // Here, so that what cannot be told as JSON is this plugin's fault and leaves the others' status.
    return JSON.parse(JSON.stringify(hooks.status?.() ?? null)) as unknown;
  } catch (error) {
    fault(log, plugin, 'status', error);
    return { failed: true };
  }
}

/** The same files, the same id, on every machine that has them at the same place. */
function idOf(hashes: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...hashes].toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex')
    .slice(0, 12);
}

function fault(log: Log, plugin: string, hook: string, error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error({ plugin, hook, error: reason }, 'a plugin failed');
}

const text = (code: number, body: string): ManagementAnswer => ({
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
