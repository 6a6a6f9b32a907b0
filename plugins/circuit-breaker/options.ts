import { OneOf, Options, type Static, Type } from '#sdk';
import { RuleParameter } from '#sdk/expressions';

const Backend = Type.Record(Type.String(), Type.Unknown(), {
  description:
    "As an API's `backend`; one of the type http that names no server is put over the API's own. `{type: passthrough}` is the API's own, called all the same.",
});

const BreakerSchema = Options({
  failure: OneOf(['timeout', 'condition'], {
    description: 'What counts: a backend that gives no answer in time, or what the condition says.',
  }),
  when: Type.Optional(
    Type.String({
      description:
        'The condition over `$StatusCode`, `$LatencyMilliSeconds`, `$LatencySeconds` and the system parameters.',
    }),
  ),
  rule: Type.Optional(
    Type.String({
      description:
        'The condition as a rule expression over `$context.statusCode` and `$context.backendResponseTime` (milliseconds).',
    }),
  ),
  threshold: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'Failures within the window that open the circuit.',
    }),
  ),
  percentage: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      description: 'Instead of `threshold`: per cent of the calls of a window, judged at its end.',
    }),
  ),
  minCalls: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 100_000,
      description: 'With `percentage`: a window with fewer calls is not judged.',
    }),
  ),
  windowSeconds: Type.Integer({ minimum: 1, maximum: 3600 }),
  openSeconds: Type.Integer({
    minimum: 1,
    maximum: 3600,
    description: 'How long nothing is let through; then some calls are, to see.',
  }),
  probes: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 3,
    description: 'How many calls at a time a circuit lets through to see, and how many must succeed.',
  }),
});

const Rule = Options({
  name: Type.String({ minLength: 1, maxLength: 64, description: 'Unique.' }),
  match: Type.String({ description: 'Rule expression over `parameters`, `reqPath` and `method`.' }),
  breaker: Type.Optional(BreakerSchema),
  fallback: Type.Optional(Backend),
});

export const Config = Options({
  scope: OneOf(['api', 'binding'], {
    default: 'api',
    description: 'Whether each API has a circuit in each environment, or all that are bound share one.',
  }),
  breaker: BreakerSchema,
  fallback: Type.Optional(Backend),
  parameters: Type.Array(RuleParameter, { default: [], maxItems: 100, description: 'What rules may name.' }),
  rules: Type.Array(Rule, {
    default: [],
    maxItems: 100,
    description: 'The first that matches a request replaces `breaker`, `fallback` or both for it.',
  }),
});

export type Config = Static<typeof Config>;
export type BreakerConfig = Config['breaker'];
