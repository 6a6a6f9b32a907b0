import { OneOf, Options, type Static, Type } from '#sdk';
import { RuleParameter } from '#sdk/expressions';

/** How many calls a limit lets through. */
export const Count = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

/** Milliseconds of each unit; periods begin at multiples of their length since 1970-01-01 UTC. */
export const unitMs = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** Whose requests one count is of; `rule` for those that a rule is about. */
export type Scope = 'api' | 'user' | 'app' | 'ip' | 'rule';

const Period = Options(
  {
    value: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
    unit: OneOf(['second', 'minute', 'hour', 'day']),
  },
  { description: 'For how long calls are counted.' },
);

export type Period = Static<typeof Period>;

const RetryAfter = Type.Integer({
  minimum: 0,
  maximum: 31_536_000,
  description: 'What `Retry-After` of a 429 says, in seconds; when the next call is allowed, unless given.',
});

const algorithms = ['window', 'bucket'] as const;

const Rule = Options({
  name: Type.String({ minLength: 1, maxLength: 128, description: 'Its counts are kept under this name.' }),
  condition: Type.Optional(
    Type.String({ description: 'Which calls it is about, over `parameters`; all of them unless given.' }),
  ),
  match: Type.Optional(
    Type.String({ description: 'The same as a rule expression (JSON text), over `matchParameters`.' }),
  ),
  by: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 16,
      uniqueItems: true,
      description: 'Names of parameters: calls with the same values count together, others apart.',
    }),
  ),
  countMissing: Type.Boolean({
    default: true,
    description: 'Whether calls without a value of one of `by` count too, as if it were an empty text.',
  }),
  limit: Count,
  period: Type.Optional(Period),
  algorithm: Type.Optional(OneOf(algorithms)),
  retryAfterSeconds: Type.Optional(RetryAfter),
});

export type Rule = Static<typeof Rule>;

export const Config = Options({
  scope: OneOf(['api', 'shared'], {
    default: 'api',
    description:
      '`api`: each API counts on its own in each environment. `shared`: all that it is bound to together.',
  }),
  period: Period,
  algorithm: OneOf(algorithms, {
    default: 'window',
    description:
      '`window`: so many in each period. `bucket`: so many at once, and no more than that in a period on average.',
  }),
  queue: Type.Optional(
    Options(
      {
        length: Type.Integer({
          minimum: 1,
          maximum: 10_000,
          description: 'Calls that wait at a time, of the whole policy, in each process.',
        }),
        waitMs: Type.Integer({ minimum: 1, maximum: 60_000, description: 'How long one waits at most.' }),
      },
      { description: 'Calls that find a bucket empty wait instead of being refused.' },
    ),
  ),
  counting: OneOf(['shared', 'own'], {
    default: 'shared',
    description: '`shared`: as the section `state` says. `own`: each machine by itself, whatever it says.',
  }),
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
            description: 'By id or name of the app, instead of `limits.app`. At most `api`.',
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
  parameters: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: 'What conditions and `by` may name, such as `tenant: "Header:X-Tenant"`.',
    }),
  ),
  matchParameters: Type.Optional(
    Type.Array(RuleParameter, { description: 'What `match` may name beside `reqPath` and `method`.' }),
  ),
  rules: Type.Optional(
    Type.Array(Rule, { maxItems: 100, description: 'Limits of calls with something in common.' }),
  ),
  ruleChoice: OneOf(['all', 'first'], {
    default: 'all',
    description: 'Whether all rules that are about a call hold, or the first of them.',
  }),
  retryAfterSeconds: Type.Optional(RetryAfter),
  replacesOthers: Type.Boolean({
    default: false,
    description: 'Where a policy that does not replace others is bound as well, that one is not applied.',
  }),
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
