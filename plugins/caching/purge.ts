import type { ManagementAnswer, ManagementPage, ManagementRequest } from '#sdk';
import type { MemoryStore } from './memory-store.ts';
import type { Scope } from './scope.ts';
import type { SharedStore } from './shared-store.ts';

const allowed = 'allowed: one of all (true), api, url, prefix; with api, url and prefix also environment';

/** What operators send; undefined, or what is wrong with it. */
function readScope(text: string, environments: readonly string[]): Scope | string {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return `the content is no JSON; ${allowed}`;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return `found no object; ${allowed}`;
  const { all, api, url, prefix, environment, ...others } = given as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return `found "${unknown}"; ${allowed}`;
  const whats = [all, api, url, prefix].filter((each) => each !== undefined);
  if (whats.length !== 1) return `found ${whats.length} of them; ${allowed}`;
  if (all !== undefined) {
    if (all !== true) return '"all" must be true';
    return environment === undefined ? {} : '"environment" goes with api, url and prefix';
  }
  const [what] = whats;
  if (typeof what !== 'string' || what === '') return 'the value must be a text';
  if (environment !== undefined && (typeof environment !== 'string' || !environments.includes(environment)))
    return `there is no such environment; allowed: ${environments.join(', ')}`;
  const within = typeof environment === 'string' ? { environment } : {};
  if (api !== undefined) return { api: what, ...within };
  const address = /^https?:\/\/([^/?#]+)(\/[^?#]*)?/i.exec(what);
  if (address === null) return `found "${what}"; allowed: http://host/path`;
  const [, authority = '', path = '/'] = address;
  const host = authority.toLowerCase().replace(/:[0-9]*$/, '');
  return { host, ...(url === undefined ? { pathPrefix: path } : { path }), ...within };
}

/** What one worker did. */
interface Share {
  readonly removed: number;
}

/** `POST /caching/purge`: forgets answers, in every worker. */
export function purgePage(
  memory: MemoryStore,
  sharedInUse: () => SharedStore | undefined,
  environments: readonly string[],
): ManagementPage {
  const forget = ({ body }: ManagementRequest): Share => {
    const scope = readScope(body, environments);
    return { removed: typeof scope === 'string' ? 0 : memory.purge(scope) };
  };
  const tell = async (shares: readonly Share[], { body }: ManagementRequest): Promise<ManagementAnswer> => {
    const scope = readScope(body, environments);
    if (typeof scope === 'string') return json(400, { problem: scope });
    const removed = shares.reduce((sum, share) => sum + share.removed, 0);
    const shared = sharedInUse();
    if (shared === undefined) return json(200, { removed });
    try {
      await shared.purge(scope, scope.environment === undefined ? environments : [scope.environment]);
      return json(200, { removed, shared: 'forgotten' });
    } catch {
      return json(503, { removed, problem: 'the shared store is out of reach' });
    }
  };
  return {
    path: '/caching/purge',
    methods: ['POST'],
    // What is stored expires anyway.
    isOptional: true,
    handle: (request) => tell([forget(request)], request),
    workers: { share: forget, merge: tell },
  };
}

function json(status: number, content: object): ManagementAnswer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(content)}\n` };
}
