import { type Kit, OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { RuleParameter, reportRule, ruleReaders } from '#sdk/expressions';
import { checkOrder } from './check.ts';
import { type Config, Count } from './options.ts';
import { reportTwins } from './rules.ts';

type Problem = Kit['problem'];

const units = ['second', 'minute', 'hour', 'day'] as const;

const Interval = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });

const numbers = { minimum: -1, maximum: 2_147_483_647 };
const Limit = Type.Integer({ ...numbers, default: 0, description: '0 and -1: no limit.' });

const Document = Options({
  scope: OneOf(['basic', 'share'], {
    default: 'basic',
    description: '`share`: all APIs that the policy is bound to count together.',
  }),
  default_time_unit: OneOf(units, { default: 'second' }),
  default_interval: Interval,
  api_limit: Type.Integer({ ...numbers, description: 'Calls of the API; -1 and 0: no limit.' }),
  user_limit: Limit,
  app_limit: Limit,
  ip_limit: Limit,
  algorithm: OneOf(['counter', 'haht', 'local'], {
    default: 'counter',
    description: '`counter` and `haht`: exact, as `state` says. `local`: each machine by itself.',
  }),
  specials: Type.Array(
    Options({
      type: OneOf(['app', 'user'], { description: 'Whether keys are of apps or of accounts.' }),
      policies: Type.Array(
        Options({
          key: Type.String({
            minLength: 1,
            description: 'The id (or name) of an app, or the name of an account.',
          }),
          limit: Count,
        }),
      ),
    }),
    { default: [] },
  ),
  parameters: Type.Array(RuleParameter, { default: [] }),
  rules: Type.Array(
    Options({
      rule_name: Type.String({ minLength: 1, maxLength: 128 }),
      match_regex: Type.String({ description: 'A rule expression, as JSON text.' }),
      time_unit: OneOf(units, { default: 'second' }),
      interval: Interval,
      limit: Count,
    }),
    { default: [], maxItems: 100, description: 'The first that matches holds.' },
  ),
});

type Document = Static<typeof Document>;

/** Request throttling 2.0 of Huawei Cloud APIG (RateLimitContent). */
export const fromHuawei = defineDialect(Document, (document, problem): Config => {
  const { scope, default_time_unit: unit, default_interval: value, algorithm } = document;
  reportSize(document, problem);
  const limits = limitsOf(document, problem);
  const { parameters, rules } = document;
  const names = ruleReaders(parameters, ['parameters'], problem);
  for (const [index, { match_regex: text }] of rules.entries())
    reportRule(text, names, ['rules', index, 'match_regex'], problem);
  reportTwins(
    rules.map((rule) => rule.rule_name),
    (index) => ['rules', index, 'rule_name'],
    problem,
  );
  const exceptions = {
    apps: exceptionsOf(document, 'app', limits.api, problem),
    tenants: exceptionsOf(document, 'user', limits.api, problem),
  };
  const isEmpty = [limits, exceptions.apps, exceptions.tenants, rules].every(
    (each) => Object.keys(each).length === 0,
  );
  if (isEmpty)
    problem([], 'there is no limit; allowed: api_limit, user_limit, app_limit, ip_limit, specials, rules');
  return {
    scope: scope === 'share' ? 'shared' : 'api',
    period: { value, unit },
    algorithm: 'window',
    counting: algorithm === 'local' ? 'own' : 'shared',
    limits,
    exceptions,
    matchParameters: parameters,
    rules: rules.map((rule) => ({
      name: rule.rule_name,
      match: rule.match_regex,
      limit: rule.limit,
      period: { value: rule.interval, unit: rule.time_unit },
      countMissing: true,
    })),
    ruleChoice: 'first',
    replacesOthers: true,
  };
});

const mostCharacters = 65_535;

/** The vendor's document is JSON; in that form its size does not depend on comments and indentation. */
function reportSize(document: Document, problem: Problem): void {
  const { length } = JSON.stringify(document);
  if (length > mostCharacters)
    problem([], `the document has ${length} characters as JSON; at most ${mostCharacters} are allowed`);
}

function limitsOf(document: Document, problem: Problem): Config['limits'] {
  const found = {
    api: given(document.api_limit),
    user: given(document.user_limit),
    app: given(document.app_limit),
    ip: given(document.ip_limit),
  };
  checkOrder(
    [
      { name: 'api_limit', limit: found.api, atMost: [] },
      { name: 'user_limit', limit: found.user, atMost: ['api_limit'] },
      { name: 'app_limit', limit: found.app, atMost: ['user_limit', 'api_limit'] },
      { name: 'ip_limit', limit: found.ip, atMost: ['api_limit'] },
    ],
    (name, message) => problem([name], message),
  );
  return Object.fromEntries(Object.entries(found).filter(([, limit]) => limit !== undefined));
}

function given(limit: number): number | undefined {
  return limit <= 0 ? undefined : limit;
}

function exceptionsOf(
  { specials }: Document,
  type: 'app' | 'user',
  most: number | undefined,
  problem: Problem,
): Record<string, number> {
  const limits = new Map<string, number>();
  for (const [index, special] of specials.entries()) {
    if (special.type !== type) continue;
    for (const [at, { key, limit }] of special.policies.entries()) {
      const path = ['specials', index, 'policies', at];
      if (limits.has(key)) problem([...path, 'key'], `"${key}" has a limit already`);
      if (most !== undefined && limit > most)
        problem([...path, 'limit'], `found ${limit}; it must not exceed \`api_limit\`, which is ${most}`);
      limits.set(key, limit);
    }
  }
  return Object.fromEntries(limits);
}
