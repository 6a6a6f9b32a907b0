import { type Kit, OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { reportCondition, reportParameters, resolveNothing } from '#sdk/expressions';
import { checkOrder } from './check.ts';
import { type Config, Count, type Period, type Rule } from './options.ts';
import { reportTwins } from './rules.ts';

type Problem = Kit['problem'];

/** How long a call waits for a token at most: the vendor tells that it waits, and not how long. */
const waitMs = 1000;
const longestQueue = 1000;

const units = ['SECOND', 'MINUTE', 'HOUR', 'DAY'] as const;
type Unit = (typeof units)[number];

const controlMode = Type.Optional(
  OneOf(['FIX_WINDOW'], { description: 'SECOND counts in fixed windows; it is a token bucket otherwise.' }),
);
const blockingMode = Type.Optional(
  OneOf(['QUICK_RETURN'], { description: 'Calls over a limit do not wait.' }),
);

const Basic = Options({
  unit: OneOf(units),
  apiDefault: Count,
  userDefault: Type.Optional(Count),
  appDefault: Type.Optional(Count),
  controlMode,
  blockingMode,
  specials: Type.Array(
    Options({
      type: OneOf(['APP', 'USER'], { description: 'Whether keys are of apps or of their owners.' }),
      policies: Type.Array(
        Options({
          key: Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 0 })], {
            description: 'The id (or name) of an app, or the name of an account.',
          }),
          value: Count,
        }),
      ),
    }),
    { default: [] },
  ),
});

const RetryAfter = Type.Optional(
  Type.Integer({ minimum: 0, maximum: 31_536_000, description: '`Retry-After` of a 429, in seconds.' }),
);

const ByParameter = Options({
  scope: OneOf(['API', 'PLUGIN'], {
    default: 'API',
    description: '`PLUGIN`: all APIs that the plug-in is bound to count together.',
  }),
  defaultLimit: Type.Optional(Count),
  defaultPeriod: Type.Optional(OneOf(units)),
  defaultRetryAfterBySecond: RetryAfter,
  controlMode,
  blockingMode,
  parameters: Type.Record(Type.String(), Type.String(), { default: {} }),
  rules: Type.Array(
    Options({
      name: Type.String({ minLength: 1, maxLength: 128 }),
      byParameters: Type.Optional(
        Type.String({ minLength: 1, description: 'Names of parameters, with commas between them.' }),
      ),
      bypassEmptyValue: Type.Boolean({
        default: false,
        description: 'Whether calls without a value of one of them are not counted.',
      }),
      condition: Type.Optional(Type.String({ description: 'At most 512 characters.' })),
      limit: Count,
      period: OneOf(units),
      retryAfterBySecond: RetryAfter,
    }),
    { default: [], maxItems: 100 },
  ),
});

type Basic = Static<typeof Basic>;
type ByParameter = Static<typeof ByParameter>;

const having = (field: string) => ({ type: 'object', properties: { [field]: {} }, required: [field] });

/** A document that has one of the basic fields is a basic one; what else it has is then told by its schema. */
const Document = Type.Unsafe<Basic | ByParameter>({
  type: 'object',
  if: { type: 'object', anyOf: [having('unit'), having('apiDefault')] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: Basic,
  else: ByParameter,
});

/** The traffic control plug-in of Alibaba Cloud API Gateway (docs 103221, 29482). */
export const fromAlibaba = defineDialect(
  Document,
  (document: Basic | ByParameter, problem: Problem): Config => {
    const bytes = Buffer.byteLength(JSON.stringify(document));
    if (bytes > maxBytes)
      problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
    return 'unit' in document ? translateBasic(document, problem) : translateByParameter(document, problem);
  },
);

const maxBytes = 50 * 1024;

function translateBasic(document: Basic, problem: Problem): Config {
  const { unit, apiDefault: api, userDefault: user, appDefault: app, specials } = document;
  checkOrder(
    [
      { name: 'apiDefault', limit: api, atMost: [] },
      { name: 'userDefault', limit: user, atMost: ['apiDefault'] },
      { name: 'appDefault', limit: app, atMost: ['userDefault', 'apiDefault'] },
    ],
    (name, message) => problem([name], message),
  );
  return {
    ...common,
    scope: 'api',
    period: periodOf(unit),
    ...algorithmOf(unit, document, api),
    limits: { api, ...(user === undefined ? {} : { user }), ...(app === undefined ? {} : { app }) },
    exceptions: {
      apps: exceptionsOf(specials, 'APP', api, problem),
      tenants: exceptionsOf(specials, 'USER', api, problem),
    },
  };
}

function exceptionsOf(
  specials: Basic['specials'],
  type: 'APP' | 'USER',
  most: number,
  problem: Problem,
): Record<string, number> {
  const limits = new Map<string, number>();
  for (const [index, special] of specials.entries()) {
    if (special.type !== type) continue;
    for (const [at, { key, value }] of special.policies.entries()) {
      const path = ['specials', index, 'policies', at];
      if (limits.has(String(key))) problem([...path, 'key'], `"${key}" has a limit already`);
      if (value > most)
        problem([...path, 'value'], `found ${value}; it must not exceed \`apiDefault\`, which is ${most}`);
      limits.set(String(key), value);
    }
  }
  return Object.fromEntries(limits);
}

function translateByParameter(document: ByParameter, problem: Problem): Config {
  const { scope, parameters, rules, defaultLimit, defaultPeriod, defaultRetryAfterBySecond } = document;
  if (defaultLimit === undefined && rules.length === 0)
    problem([], 'there is no limit; allowed: `unit` and `apiDefault`, `defaultLimit`, `rules`');
  if ((defaultLimit === undefined) !== (defaultPeriod === undefined))
    problem([], '`defaultLimit` and `defaultPeriod` are given together or not at all');
  const names = reportParameters(parameters, { phase: 'request' }, ['parameters'], problem);
  for (const [index, { condition }] of rules.entries()) {
    if (condition === undefined) continue;
    const options = { scope: names, resolve: resolveNothing };
    reportCondition(condition, options, ['rules', index, 'condition'], problem);
  }
  reportTwins(
    rules.map(({ name }) => name),
    (index) => ['rules', index, 'name'],
    problem,
  );
  const unit = defaultPeriod ?? 'SECOND';
  const largest = Math.max(defaultLimit ?? 1, ...rules.map(({ limit }) => limit));
  const isQueued = [unit, ...rules.map(({ period }) => period)].includes('SECOND');
  const { algorithm } = algorithmOf(unit, document, largest);
  const { queue } = algorithmOf(isQueued ? 'SECOND' : unit, document, largest);
  return {
    ...common,
    scope: scope === 'PLUGIN' ? 'shared' : 'api',
    period: periodOf(unit),
    algorithm,
    ...(queue === undefined ? {} : { queue }),
    limits: defaultLimit === undefined ? {} : { api: defaultLimit },
    parameters,
    rules: rules.map((rule, index) => translateRule(rule, index, { document, names, problem })),
    ...(defaultRetryAfterBySecond === undefined ? {} : { retryAfterSeconds: defaultRetryAfterBySecond }),
  };
}

interface RuleContext {
  readonly document: ByParameter;
  readonly names: ReturnType<typeof reportParameters>;
  readonly problem: Problem;
}

function translateRule(
  rule: ByParameter['rules'][number],
  index: number,
  { document, names, problem }: RuleContext,
): Rule {
  const { name, byParameters, bypassEmptyValue, condition, limit, period, retryAfterBySecond } = rule;
  const by = byParameters?.split(',').map((each) => each.trim());
  for (const each of by ?? []) {
    if (names.visible.has(each)) continue;
    const known = [...names.visible.keys()].join(', ');
    problem(['rules', index, 'byParameters'], `there is no parameter "${each}"; allowed: ${known}`);
  }
  return {
    name,
    limit,
    period: periodOf(period),
    algorithm: algorithmOf(period, document, limit).algorithm,
    countMissing: !bypassEmptyValue,
    ...(by === undefined ? {} : { by: [...new Set(by)] }),
    ...(condition === undefined ? {} : { condition }),
    ...(retryAfterBySecond === undefined ? {} : { retryAfterSeconds: retryAfterBySecond }),
  };
}

const common = { counting: 'shared', ruleChoice: 'all', replacesOthers: true } as const;

function periodOf(unit: Unit): Period {
  return { value: 1, unit: unit.toLowerCase() as Period['unit'] };
}

/** Seconds are token buckets with a queue, all others fixed windows. @param most calls in a period that may wait */
function algorithmOf(
  unit: Unit,
  modes: Pick<Basic, 'controlMode' | 'blockingMode'>,
  most: number,
): Pick<Config, 'algorithm' | 'queue'> {
  if (unit !== 'SECOND' || modes.controlMode === 'FIX_WINDOW') return { algorithm: 'window' };
  if (modes.blockingMode === 'QUICK_RETURN') return { algorithm: 'bucket' };
  return { algorithm: 'bucket', queue: { length: Math.min(most, longestQueue), waitMs } };
}
