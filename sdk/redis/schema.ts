import { type Static, type TSchema, Type } from 'typebox';
import { Matching, Options, Secret } from '../schema.ts';

const host = '(?:\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)';

const Address = Matching(`^${host}(?::[0-9]{1,5})?$`, 'host or host:port');
const Addresses = (description: string) => Type.Optional(Type.Array(Address, { minItems: 1, description }));
const file = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const StoreTls = Options({
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

const StoreMapping = Options({
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
    Type.Unsafe<Static<typeof StoreTls> | boolean>({
      if: { type: 'object' },
      then: StoreTls,
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

/** Where a Redis is, as operators write it in `state.store`: a URL or a mapping. To be read with `planStore`. */
export const StoreSchema = Type.Unsafe<StoreMapping | string>({
  if: { type: 'object' },
  then: StoreMapping,
  else: StoreUrl,
});

export type StoreMapping = Static<typeof StoreMapping>;
