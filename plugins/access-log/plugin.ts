import { type Api, type Completed, type Kit, LogMasks, Options, type Static, Type, definePlugin } from '#sdk';
import { type AccessLog, type Surroundings, openLog } from './writer.ts';

const Config = Options({
  file: Type.Optional(
    Type.String({ minLength: 1, description: 'Appended to; standard output when absent.' }),
  ),
  headers: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Request fields to log beside the fixed ones. Credentials are written as "[redacted]".',
  }),
});

/** Where an API has a binding of its own, by environment: left out of the gateway-wide log. */
const bound = new WeakMap<Api, Set<string>>();

export default definePlugin({
  name: 'access-log',
  summary: 'Writes one JSON line a request, secrets redacted.',
  config: Config,
  section: { name: 'accessLog', schema: Config },
  setup(section, kit) {
    if (section === undefined) return {};
    const log = open(section, kit, (message) => kit.problem(['accessLog', 'file'], message));
    return {
      completed(notice) {
        const { exchange } = notice;
        const hasOwn = exchange !== undefined && bound.get(exchange.api)?.has(exchange.environment) === true;
        if (!hasOwn) log.write(notice);
      },
      dispose: () => log.close(),
    };
  },
  bind(config: Static<typeof Config>, kit) {
    const log = open(config, kit, (message) => kit.problem(['file'], message));
    bound.set(kit.api, (bound.get(kit.api) ?? new Set()).add(kit.environment));
    return {
      completed: (notice: Completed) => log.write(notice),
      dispose: () => log.close(),
    };
  },
});

const nowhere: AccessLog = { write: () => undefined, close: () => undefined };

/** A file that cannot be written is the operator's to know at once, not when the lines are missed. */
function open(
  config: Static<typeof Config>,
  kit: Surroundings & { find: Kit['find'] },
  problem: (message: string) => void,
): AccessLog {
  try {
    const masks = kit.find(LogMasks);
    return openLog(config, kit, masks);
  } catch (error) {
    problem(`the file cannot be written: ${error instanceof Error ? error.message : 'it failed'}`);
    return nowhere;
  }
}
