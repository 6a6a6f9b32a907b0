import { type Api, type Completed, Options, type Static, Type, definePlugin } from '#sdk';
import { openLog } from './writer.ts';

const Config = Options({
  file: Type.Optional(
    Type.String({ minLength: 1, description: 'Appended to; standard output when absent.' }),
  ),
  headers: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: 'Request fields to log beside the fixed ones. Credentials are written as "[redacted]".',
  }),
});

/** APIs with a binding of their own are left out of the gateway-wide log. */
const bound = new WeakSet<Api>();

export default definePlugin({
  name: 'access-log',
  summary: 'Writes one JSON line a request, secrets redacted.',
  config: Config,
  section: { name: 'accessLog', schema: Config },
  setup(section, kit) {
    if (section === undefined) return {};
    const log = openLog(section, kit.log);
    return {
      completed(notice) {
        if (notice.exchange === undefined || !bound.has(notice.exchange.api)) log.write(notice);
      },
      dispose: () => log.close(),
    };
  },
  bind(config: Static<typeof Config>, kit) {
    const log = openLog(config, kit.log);
    bound.add(kit.api);
    return {
      completed: (notice: Completed) => log.write(notice),
      dispose: () => log.close(),
    };
  },
});
