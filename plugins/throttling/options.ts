import { OneOf, Options, type Static, Type } from '#sdk';

const Count = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

/** Milliseconds of each unit; periods begin at multiples of their length since 1970-01-01 UTC. */
export const unitMs = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Whose requests one count is of. */
export type Scope = 'api' | 'user' | 'app' | 'ip';

export const Config = Options({
  scope: OneOf(['api', 'shared'], {
    default: 'api',
    description:
      '`api`: each API counts on its own in each environment. `shared`: all that it is bound to together.',
  }),
  period: Options(
    {
      value: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
      unit: OneOf(['second', 'minute', 'hour', 'day']),
    },
    { description: 'For how long calls are counted.' },
  ),
  limits: Options(
    {
      api: Type.Optional({ ...Count, description: 'Calls of the API.' }),
      user: Type.Optional({ ...Count, description: 'Calls by one user (account). At most `api`.' }),
      app: Type.Optional({ ...Count, description: 'Calls by one app. At most `user` and `api`.' }),
      ip: Type.Optional({ ...Count, description: 'Calls from one address. At most `api`.' }),
    },
    { description: 'Calls in a period; all that are given apply.' },
  ),
  exceptions: Type.Optional(
    Options(
      {
        apps: Type.Optional(
          Type.Record(Type.String(), Count, {
            description: 'By name of the app, instead of `limits.app`. At most `api`.',
          }),
        ),
        tenants: Type.Optional(
          Type.Record(Type.String(), Count, {
            description: 'By name of the account, instead of `limits.user`. At most `api`.',
          }),
        ),
      },
      { description: 'Apps and accounts with limits of their own.' },
    ),
  ),
});

export type Config = Static<typeof Config>;

export const Section = Options({
  defaultPerSecond: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 200,
    description:
      'Calls a second of each API, in all environments together, where no policy is bound; 0 for no limit.',
  }),
  standardHeaders: Type.Boolean({
    default: true,
    description: 'Whether answers carry `RateLimit-Policy` and `RateLimit`, and a 429 `Retry-After`.',
  }),
});

export type Section = Static<typeof Section>;

/** What holds where the configuration has no section `throttling`. */
export const defaults: Section = { defaultPerSecond: 200, standardHeaders: true };
