import {
  type Exchange,
  type Hooks,
  type Kit,
  type Outbound,
  definePlugin,
  deleteLike,
  variableName,
} from '#sdk';
import { reportRule, ruleReaders } from '#sdk/expressions';
import { fromAlibaba } from './alibaba.ts';
import { Gate, forBackend } from './gate.ts';
import { fromHuawei } from './huawei.ts';
import { Config } from './options.ts';

export default definePlugin({
  name: 'remote-auth',
  summary: 'Asks a service of the operator who may call an API.',
  config: Config,
  dialects: { 'alibaba/remoteAuth': fromAlibaba, 'huawei/third_auth': fromHuawei },
  bind(config: Config, kit): Hooks {
    report(config, kit);
    const isAsked = compileOnly(config, kit);
    const gate = new Gate(config, kit);
    const forwarded = new Set(config.forwardHeaders.map(variableName));
    const hooks: Hooks = {
      auth: {
        stage: 'authenticate',
        handle(exchange) {
          if (isAsked(exchange)) return gate.admit(exchange);
          exchange.identity ??= { type: 'anonymous', id: 'anonymous' };
          return undefined;
        },
      },
      describe: () => describe(config),
    };
    if (forwarded.size > 0)
      hooks.backendSigning = (outbound) => {
        forward(outbound, forwarded);
        return undefined;
      };
    return hooks;
  },
});

/** What the service said takes the place of what the caller says, also where it said nothing. */
function forward({ headers, exchange }: Outbound, names: ReadonlySet<string>): void {
  deleteLike(headers, names);
  const fields = exchange.notes.get(forBackend) ?? [];
  for (let index = 0; index < fields.length; index += 2)
    headers.append(fields[index] ?? '', fields[index + 1] ?? '');
}

function report({ identities, body, cacheSeconds, method }: Config, kit: Kit): void {
  const intoForm = identities.findIndex(({ as }) => as?.in === 'form');
  if (intoForm >= 0 && body !== undefined)
    kit.problem(
      ['identities', intoForm, 'as', 'in'],
      'a form takes the place of the content that `body` passes on',
    );
  if ((intoForm >= 0 || body !== undefined) && method === 'HEAD')
    kit.problem(['method'], 'found HEAD; allowed: a method that carries content, for `body` and forms');
  if (cacheSeconds > 0 && !identities.some(({ required }) => required))
    kit.problem(
      ['cacheSeconds'],
      'decisions are kept by identities, and none is required: callers who show nothing would share one',
    );
}

function compileOnly({ only }: Config, kit: Kit): (exchange: Exchange) => boolean {
  if (only === undefined) return () => true;
  const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
  const readers = ruleReaders(only.parameters, ['only', 'parameters'], problem);
  const rules = only.rules.map(({ when }, index) =>
    reportRule(when, readers, ['only', 'rules', index, 'when'], problem),
  );
  const isAsk = only.mode === 'ask';
  return (exchange) => rules.some((matches) => matches(exchange)) === isAsk;
}

function describe({
  address,
  channel,
  method,
  path,
  cacheSeconds,
  identities,
  only,
  onOutage,
}: Config): string[] {
  const by = identities.map(({ in: place, name }) => `${place} ${name}`).join(', ');
  const lines = [
    `asks ${method} ${address ?? `channel ${channel}`}${path}, by ${by === '' ? 'all fields and parameters' : by}`,
    cacheSeconds === 0
      ? 'asked for each request'
      : `who was let through is not asked about for ${cacheSeconds} s`,
  ];
  if (onOutage === 'admit') lines.push('everybody is let through while it cannot be reached');
  for (const { name, when } of only?.rules ?? [])
    lines.push(`${only?.mode === 'ask' ? 'only' : 'not'} for requests of rule ${name}: ${when}`);
  return lines;
}
