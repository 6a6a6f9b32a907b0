import {
  Accounts,
  type Exchange,
  type Hooks,
  type Kit,
  type Reply,
  definePlugin,
  describeAllowed,
  refuse,
} from '#sdk';
import { addressCheck } from './address-policy.ts';
import { fromAlibaba } from './alibaba.ts';
import { Config, type List } from './options.ts';

export default definePlugin({
  name: 'access-control',
  summary: 'Allows or denies calls by address or account.',
  dialects: { 'alibaba/ipControl': fromAlibaba },
  config: Config,
  kind: ({ subject }) => `a policy for access by ${subject}`,
  bind(config, kit): Hooks {
    const handle = config.subject === 'ip' ? addressCheck(config, kit) : accountCheck(config, kit);
    return { auth: { stage: 'authorize', handle }, describe: () => inWords(config) };
  },
});

function inWords({ subject, effect, values, dataSets, clientAddress, apps = {} }: Config): readonly string[] {
  const what = subject === 'ip' ? 'addresses' : 'accounts';
  const who = effect === 'allow' ? `only these ${what} may call` : `everybody but these ${what} may call`;
  const where = clientAddress?.from === 'forwarded-for' ? ' (read from X-Forwarded-For)' : '';
  const lines: string[] = [];
  if (values !== undefined || dataSets !== undefined)
    lines.push(`${who}: ${named({ ...(values && { values }), ...(dataSets && { dataSets }) })}${where}`);
  for (const [app, list] of Object.entries(apps)) {
    const beside = lines.length === 0 ? '' : ' besides';
    lines.push(`the app ${app} may call from these${beside}: ${named(list)}${where}`);
  }
  return lines;
}

function named({ values = [], dataSets = [] }: List): string {
  return [...values, ...dataSets.map((name) => `data set ${name}`)].join(', ');
}

function accountCheck(config: Config, kit: Kit): (exchange: Exchange) => Reply | undefined {
  const { effect, values = [], clientAddress, dataSets, apps } = config;
  if (clientAddress !== undefined) {
    kit.problem(['clientAddress'], 'accounts have no address; allowed with `subject: ip`');
  }
  if (dataSets !== undefined) kit.problem(['dataSets'], 'they hold addresses; allowed with `subject: ip`');
  if (apps !== undefined) kit.problem(['apps'], 'allowed with `subject: ip`');
  if (values.length === 0) kit.problem([], 'nobody is listed; allowed: `values`');
  const known = kit.find(Accounts);
  for (const [index, value] of values.entries()) {
    // Such a name would match nobody, and a denied account would go on calling.
    if (/[,;]|^\s|\s$/.test(value)) {
      kit.problem(['values', index], `found "${value}"; allowed: the name of one account`);
    } else if (known?.areAll === true && !known.names.includes(value)) {
      const hint = describeAllowed(known.names, value);
      kit.problem(['values', index], `there is no account "${value}"; ${hint}`);
    }
  }
  const accounts = new Set(values);
  const isAllowed = effect === 'allow';
  return ({ identity }) => {
    const account = identity?.user?.account;
    const isListed = account !== undefined && accounts.has(account);
    return isListed === isAllowed ? undefined : refuse('account-not-allowed');
  };
}
