import { METHODS } from 'node:http';
import { Matching, OneOf, Options, type Static, type TSchema, Type } from '#sdk';
import { type StateConfig, StateSchema } from './state-schema.ts';
import { type WorkersConfig, WorkersSchema } from './workers-schema.ts';

const HostName = Matching(
  '^(\\*|(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)$',
  'a host name without a port, *.x for every name below x, or * for every name',
);

/** A mapping, or something shorter. Unlike those of a union, its errors tell what is wrong within the mapping. */
function MappingOr<Mapping extends TSchema, Short extends TSchema>(mapping: Mapping, short: Short) {
  return Type.Unsafe<Static<Mapping> | Static<Short>>({
    if: { type: 'object' },
    then: mapping,
    else: short,
  });
}

const file = (description: string) => Type.String({ minLength: 1, description });

const certificate = file('PEM file: the certificate, then those that lead to a root.');
const key = file('PEM file: its private key, not encrypted.');
const clientCertificates = Type.Optional(
  file(
    'PEM file: the authorities that must have issued the certificate a client shows. None is asked for without it.',
  ),
);

const TlsSchema = Options({
  certificate,
  key,
  minVersion: OneOf(['1.2', '1.3'], {
    default: '1.2',
    description: 'The oldest version of TLS that is spoken.',
  }),
  clientCertificates,
});

const ListenerSchema = Options({
  port: Type.Integer({ minimum: 0, maximum: 65535, description: '0 for any free port.' }),
  host: Type.Optional(Type.String({ minLength: 1, description: 'Address to listen at; all when absent.' })),
  tls: Type.Optional(MappingOr(TlsSchema, OneOf(['selfsigned']))),
});

const ManagementSchema = Options({
  port: Type.Integer({ minimum: 0, maximum: 65535, description: '0 for any free port.' }),
  host: Type.String({
    minLength: 1,
    default: '127.0.0.1',
    description: 'Address to listen at. Nobody is asked who they are: it must not be one that callers reach.',
  }),
});

const DomainSchema = MappingOr(
  Options({
    name: HostName,
    certificate: Type.Optional(certificate),
    key: Type.Optional(key),
    clientCertificates,
  }),
  HostName,
);

const EnvironmentSchema = Options({ description: Type.Optional(Type.String()) });

/** The fields of a group that the kernel reads; plugins add theirs. */
export const groupFields = {
  description: Type.Optional(Type.String()),
  domains: Type.Optional(
    Type.Array(DomainSchema, {
      maxItems: 5,
      description: 'Host names that callers use, with their certificates.',
    }),
  ),
  internalDomains: Type.Optional(
    Type.Array(HostName, { description: 'Host names for calls between APIs of this gateway.' }),
  ),
  subdomain: Type.Optional(HostName),
};

/** The usual ones first, as messages list them. CONNECT asks for a tunnel, which no API is. */
const usual = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'ANY'];
const methods = [...usual, ...METHODS.filter((method) => !usual.includes(method) && method !== 'CONNECT')];

/** The fields of an API's `request` that the kernel reads; plugins add theirs. */
export const requestFields = {
  method: OneOf(methods, { description: 'ANY stands for all of them.' }),
  path: Matching('^/', 'a path, which starts with /', {
    description: '`{p}` stands for one segment, `{p+}` for the remaining ones.',
  }),
  match: OneOf(['exact', 'prefix'], { default: 'exact' }),
  maxBodyBytes: Type.Optional(
    Type.Integer({ minimum: 0, description: 'Content larger than this is refused (413).' }),
  ),
};

const GroupSchema = Options(groupFields);
const RequestSchema = Options(requestFields);

const PluginSchema = Options({ type: Type.String({ minLength: 1 }), config: Type.Optional(Type.Unknown()) });

const BindingSchema = Options({
  plugin: Type.String({ minLength: 1, description: 'A name under `plugins`.' }),
  apis: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    description: '`group/name`, `group/*` for all of a group, `*` for all.',
  }),
  environments: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'All that the API is published in when absent.',
    }),
  ),
  onError: Type.Optional(
    OneOf(['closed', 'open'], {
      description:
        'What a fault of a sandboxed plugin means: the request is refused (closed), or passes (open).',
    }),
  ),
});

/** Fields of an extension that runs in a sandbox. */
export const sandboxFields = {
  memoryMb: Type.Optional(
    Type.Integer({
      minimum: 16,
      maximum: 1024,
      description: 'Memory of an isolate of a sandboxed extension; 32.',
    }),
  ),
  timeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Longest time for a call of a sandboxed extension; 200.',
    }),
  ),
  concurrency: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 32, description: 'Processes for each entry under `plugins`; 2.' }),
  ),
};

const ExtensionSchema = Options({
  source: Type.String({
    minLength: 1,
    description: 'A folder (starting with `.` or `/`) or an npm package.',
  }),
  sandbox: Type.Optional(
    Type.Boolean({
      description: 'Whether it runs in an isolate of its own instead of the gateway; false when absent.',
    }),
  ),
  ...sandboxFields,
});

const milliseconds = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 2_147_483_647, default: value, description });

export const LimitsSchema = Options({
  uriBytes: Type.Integer({ minimum: 64, maximum: 1_048_576, default: 32 * 1024, description: '414 beyond.' }),
  headerLineBytes: Type.Integer({
    minimum: 64,
    maximum: 1_048_576,
    default: 32 * 1024,
    description: '494 beyond.',
  }),
  headersBytes: Type.Integer({
    minimum: 64,
    maximum: 1_048_576,
    default: 128 * 1024,
    description: '494 beyond.',
  }),
  bodyBytes: Type.Integer({
    minimum: 0,
    default: 12 * 1024 * 1024,
    description: '413 beyond; an API may say otherwise.',
  }),
  headersTimeoutMs: milliseconds(15_000, 'Longest time for the head of a request; 408 beyond.'),
  bodyTimeoutMs: milliseconds(8_000, 'Longest wait for the next piece of a request; 408 beyond.'),
  keepAliveTimeoutMs: milliseconds(72_000, 'How long an idle connection of a caller stays open.'),
  drainTimeoutMs: milliseconds(30_000, 'How long requests may take to finish when the gateway stops.'),
  connectionsPerOrigin: Type.Integer({ minimum: 1, maximum: 65535, default: 256 }),
  connectTimeoutMs: milliseconds(5_000, 'Longest time to connect to a server; 504 beyond.'),
  idleConnectionMs: milliseconds(
    4_000,
    "How long an idle connection to a server is kept; below the servers' own time.",
  ),
});

export type Limits = Static<typeof LimitsSchema>;
type RequestConfig = Static<typeof RequestSchema>;
export type GroupConfig = Static<typeof GroupSchema>;

/** The fields of an API that the kernel reads; plugins add theirs. */
export const apiFields = {
  description: Type.Optional(Type.String()),
  environments: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      uniqueItems: true,
      description: 'Where it is published; [RELEASE] when absent.',
    }),
  ),
  auth: Type.Union([Type.String(), Type.Object({ type: Type.String() })], {
    description: '`none`, or the name after `auth-` of a plugin, alone or as `type` with its options.',
  }),
  backend: Type.Object(
    { type: Type.String() },
    { description: '`type` is the name after `backend-` of a plugin.' },
  ),
};

/** The top-level keys that the kernel reads; plugins add their sections. */
export const rootFields = {
  listeners: Type.Optional(Type.Array(ListenerSchema)),
  management: Type.Optional(ManagementSchema),
  limits: Type.Optional(LimitsSchema),
  state: Type.Optional(StateSchema),
  workers: Type.Optional(WorkersSchema),
  environments: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' }), EnvironmentSchema, {
      additionalProperties: false,
      allowed: 'up to 64 letters, digits, - and _, the first of them a letter',
    }),
  ),
  plugins: Type.Optional(Type.Record(Type.String(), PluginSchema)),
  bindings: Type.Optional(Type.Array(BindingSchema)),
  extensions: Type.Optional(Type.Record(Type.String(), ExtensionSchema)),
};

export type ListenerConfig = Static<typeof ListenerSchema>;
export type ManagementConfig = Static<typeof ManagementSchema>;
/** Where to listen when the configuration does not say. */
export const defaultListeners: readonly ListenerConfig[] = [{ port: 8080 }];

type BindingConfig = Static<typeof BindingSchema>;
type PluginConfig = Static<typeof PluginSchema>;
type ExtensionConfig = Static<typeof ExtensionSchema>;

/** An API as checked, before its plugins' fields are. */
export interface ApiConfig extends Record<string, unknown> {
  readonly request: RequestConfig;
  readonly environments?: readonly string[];
  readonly auth: string | ({ readonly type: string } & Record<string, unknown>);
  readonly backend: { readonly type: string } & Record<string, unknown>;
}

/** The whole configuration as checked. */
export interface RootConfig extends Record<string, unknown> {
  readonly listeners?: readonly ListenerConfig[];
  readonly management?: ManagementConfig;
  readonly limits?: Limits;
  readonly state?: StateConfig;
  readonly workers?: WorkersConfig;
  readonly environments?: Readonly<Record<string, unknown>>;
  readonly groups?: Readonly<Record<string, GroupConfig>>;
  readonly apis?: Readonly<Record<string, ApiConfig>>;
  readonly plugins?: Readonly<Record<string, PluginConfig>>;
  readonly bindings?: readonly BindingConfig[];
  readonly extensions?: Readonly<Record<string, ExtensionConfig>>;
}
