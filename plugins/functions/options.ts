import { Options, Secret, type SetupKit, type Static, Type } from '#sdk';

const hostPattern = '^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$';

const FunctionOptions = Options({
  source: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'JavaScript or TypeScript, relative to the file in which this stands; run in an isolate.',
    }),
  ),
  memoryMb: Type.Integer({ minimum: 8, maximum: 1024, default: 128 }),
  timeoutMs: Type.Integer({
    minimum: 1,
    maximum: 600_000,
    default: 3000,
    description: 'Longest time until the answer, waiting included.',
  }),
  cpuMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Longest time of running, waiting not counted; `timeoutMs` unless given.',
    }),
  ),
  allowHosts: Type.Array(Type.String({ pattern: hostPattern, allowed: 'a host, or host:port' }), {
    default: [],
    description: 'Hosts that `fetch` may call: `name` (ports 80 and 443) or `name:port`.',
  }),
  concurrency: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1000,
      description:
        'Calls at once: 4 unless given, each with an isolate in a process of its own; 64 of a remote function.',
    }),
  ),
  queue: Type.Integer({ minimum: 0, maximum: 10_000, default: 100, description: 'Calls that may wait.' }),
  warm: Type.Boolean({ default: true, description: 'Whether an isolate is started before the first call.' }),
  userData: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: 'What `context.getUserData(key)` gives.',
  }),
  url: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'Called with the event as JSON, by POST.' }),
  ),
  endpoint: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'A service that speaks the FunctionGraph invocation API.',
    }),
  ),
  urn: Type.Optional(Type.String({ minLength: 1 })),
  project: Type.Optional(Type.String({ minLength: 1 })),
  accessKey: Type.Optional(Type.String({ minLength: 1 })),
  secretKey: Type.Optional(Secret({ minLength: 1 })),
});

export type FunctionOptions = Static<typeof FunctionOptions>;

export const FunctionsSchema = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,59}$' }),
  FunctionOptions,
);

const engines = ['source', 'url', 'endpoint'] as const;
/** Fields that mean something with one engine only. */
const needed = {
  source: [],
  url: [],
  endpoint: ['urn', 'project', 'accessKey', 'secretKey'],
} as const satisfies Record<(typeof engines)[number], readonly (keyof FunctionOptions)[]>;

/** Which engine runs the function; undefined when that is not clear, which is then a problem. */
export function engineOf(
  name: string,
  options: FunctionOptions,
  problem: SetupKit['problem'],
): (typeof engines)[number] | undefined {
  const path = ['functions', name];
  const given = engines.filter((engine) => options[engine] !== undefined);
  const [engine] = given;
  if (engine === undefined || given.length > 1) {
    const found = given.length === 0 ? 'found none of them' : `found ${given.join(' and ')}`;
    problem(path, `a function has one of source, url and endpoint; ${found}`);
    return undefined;
  }
  const missing = needed[engine].filter((field) => options[field] === undefined);
  const useless = needed.endpoint.filter((field) => engine !== 'endpoint' && options[field] !== undefined);
  if (missing.length > 0) problem(path, `a function with "${engine}" needs ${missing.join(', ')}, too`);
  for (const field of useless) problem([...path, field], `"${field}" belongs to a function with "endpoint"`);
  const address = options.url ?? options.endpoint;
  const isAddress = address === undefined || URL.canParse(address);
  if (!isAddress) problem([...path, engine], 'allowed: http://host/path or https://host/path');
  if (engine !== 'source' && options.allowHosts.length > 0)
    problem([...path, 'allowHosts'], 'what a remote function calls is not decided here; leave this out');
  return missing.length + useless.length === 0 && isAddress ? engine : undefined;
}
