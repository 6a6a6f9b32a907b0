import { Matching, OneOf, Options, Secret, type Static, type TSchema, Type } from '#sdk';

const host = '(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)';

const Address = Matching(`^${host}(?::[0-9]{1,5})?$`, 'host or host:port');
const Addresses = (description: string) => Type.Optional(Type.Array(Address, { minItems: 1, description }));
const file = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const StoreTlsSchema = Options({
  ca: file(
    "PEM file: the authorities that issue the servers' certificates; the well-known ones when absent.",
  ),
  certificate: file('PEM file: what this gateway shows.'),
  key: file('PEM file: its private key.'),
  servername: Type.Optional(
    Type.String({
      minLength: 1,
      description: "The name the servers' certificates are for; each one's address when absent.",
    }),
  ),
});

const StoreSchema = Options({
  address: Type.Optional(Address),
  sentinels: Addresses('Sentinels that know where the master is.'),
  master: Type.Optional(Type.String({ minLength: 1, description: "The master's name among the sentinels." })),
  cluster: Addresses('Some nodes of a Redis Cluster; the others are learnt from them.'),
  username: Type.Optional(Type.String({ minLength: 1 })),
  password: Type.Optional(Secret({ minLength: 1 })),
  sentinelUsername: Type.Optional(Type.String({ minLength: 1 })),
  sentinelPassword: Type.Optional(Secret({ minLength: 1 })),
  database: Type.Optional(Type.Integer({ minimum: 0, maximum: 65535 })),
  tls: Type.Optional(
    Type.Unsafe<Static<typeof StoreTlsSchema> | boolean>({
      if: { type: 'object' },
      then: StoreTlsSchema,
      else: { type: 'boolean' },
    }),
  ),
});

const words = 'redis://user:password@host:port/database, rediss:// for TLS, or a mapping';

/** Secret as a whole: the password stands in it. */
const StoreUrl: TSchema = Type.String({
  pattern: `^rediss?://(?:[^@/?#\\s]*@)?${host}(?::[0-9]{1,5})?(?:/[0-9]{0,5})?$`,
  allowed: words,
  secret: true,
});

/** The top-level key `state`. */
export const StateSchema = Options(
  {
    store: Type.Unsafe<Static<typeof StoreSchema> | string>({
      if: { type: 'object' },
      then: StoreSchema,
      else: StoreUrl,
    }),
    counters: OneOf(['exact', 'leased', 'local'], {
      default: 'exact',
      description:
        '`exact`: a limit of N admits N over all gateways, one round trip a request. `leased`: never more than N, fewer round trips. `local`: each machine counts by itself.',
    }),
    leasePercent: Type.Integer({
      minimum: 1,
      maximum: 50,
      default: 5,
      description: 'For `leased`: how much of a limit a gateway takes at a time.',
    }),
    timeoutMs: Type.Integer({
      minimum: 10,
      maximum: 5000,
      default: 200,
      description: 'Longest wait for an answer of the store, after which it counts as out of reach.',
    }),
    connectTimeoutMs: Type.Integer({ minimum: 10, maximum: 30_000, default: 1000 }),
    prefix: Matching('^[^{}\\s]{0,64}$', 'up to 64 characters without braces and blanks', {
      default: 'tapgate:',
      description: 'What all keys in the store begin with.',
    }),
  },
  {
    description: 'Where counters and values are shared with other gateways; this machine alone when absent.',
  },
);

export type StateConfig = Static<typeof StateSchema>;
export type StoreConfig = Static<typeof StoreSchema>;
