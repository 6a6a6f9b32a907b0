import { type HttpTarget, Matching, Options, type Static, Type, definePlugin } from '#sdk';

const Config = Options({
  address: Type.String({
    minLength: 1,
    description:
      "`http://host`, `https://host:port`, or `host:port`. One of the gateway's own domains is served in process.",
  }),
  path: Type.Optional(
    Matching('^/[^?\\s]*$', 'a path, which starts with / and holds no ? and no blanks', {
      description: 'As sent by the caller when absent. `{p}` is filled from the request path.',
    }),
  ),
  method: Type.Optional(
    Matching('^[A-Z]+$', 'a method in upper case, or ANY', {
      description: "The caller's when absent or ANY.",
    }),
  ),
  hostHeader: Type.Optional(
    Type.String({ minLength: 1, description: "The `Host` to send; the address's own when absent." }),
  ),
  timeoutMs: Type.Integer({
    minimum: 1,
    maximum: 600_000,
    default: 5000,
    description: 'Longest time until the head of the answer, and between two pieces of it.',
  }),
});

export default definePlugin({
  name: 'backend-http',
  summary: 'Calls an HTTP or HTTPS server, or another API of this gateway by its domain.',
  config: Config,
  bind(config: Static<typeof Config>, kit) {
    let target: HttpTarget;
    try {
      target = kit.http.target(config.address);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'not an address';
      kit.problem(['address'], `found "${config.address}"; ${reason}`);
      return {};
    }
    const { method, hostHeader, timeoutMs } = config;
    const timeouts = { headersMs: timeoutMs, bodyMs: timeoutMs };
    const { path } = config;
    const isPrefix = kit.api.request.match === 'prefix';
    const fill =
      path === undefined
        ? undefined
        : pathFiller(path, kit.api.request.path, (name) => {
            kit.problem(['path'], `{${name}} is no parameter of the request path ${kit.api.request.path}`);
          });
    return {
      backend: {
        prepare(outbound) {
          outbound.origin = target.origin;
          if (fill !== undefined) {
            const { pathValues, pathRest } = outbound.exchange;
            const filled = fill(pathValues);
            outbound.path = isPrefix ? join(filled, pathRest) : filled;
          }
          if (method !== undefined && method !== 'ANY') outbound.method = method;
          if (hostHeader !== undefined) outbound.host = hostHeader;
          return undefined;
        },
        invoke: (outbound) => target.send(outbound, timeouts),
      },
    };
  },
});

const parameter = /\{([^{}]+?)\+?\}/g;

/** Fills `{p}` and `{p+}` with what the caller sent there, byte for byte. */
function pathFiller(
  template: string,
  requestPath: string,
  unknown: (name: string) => void,
): (values: ReadonlyMap<string, string>) => string {
  const names = new Set([...requestPath.matchAll(parameter)].map(([, name = '']) => name));
  const used = [...template.matchAll(parameter)].map(([, name = '']) => name);
  for (const name of used) if (!names.has(name)) unknown(name);
  if (used.length === 0) return () => template;
  return (values) => template.replace(parameter, (_text, name: string) => values.get(name) ?? '');
}

/** Puts what follows a prefix behind the backend's path, with one slash between them. */
function join(base: string, rest: string): string {
  if (rest === '') return base;
  if (base.endsWith('/')) return base + (rest.startsWith('/') ? rest.slice(1) : rest);
  return rest.startsWith('/') ? base + rest : `${base}/${rest}`;
}
