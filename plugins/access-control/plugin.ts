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
import { AddressSet, readRange } from './address-set.ts';
import { fromForwardedFor } from './client-address.ts';
import { Config } from './options.ts';

type Check = (exchange: Exchange) => Reply | undefined;
type Judge = (address: string) => Reply | undefined;

/** How many callers' verdicts are kept: reading an address costs fifty times as much as finding it here. */
const keptVerdicts = 1024;

export default definePlugin({
  name: 'access-control',
  summary: 'Allows or denies calls by address or account.',
  config: Config,
  kind: ({ subject }) => `a policy for access by ${subject}`,
  bind(config, kit): Hooks {
    const handle = config.subject === 'ip' ? addressCheck(config, kit) : accountCheck(config, kit);
    return { auth: { stage: 'authorize', handle }, describe: () => [inWords(config)] };
  },
});

function inWords({ subject, effect, values, clientAddress }: Config): string {
  const what = subject === 'ip' ? 'addresses' : 'accounts';
  const who = effect === 'allow' ? `only these ${what} may call` : `everybody but these ${what} may call`;
  const where = clientAddress?.from === 'forwarded-for' ? ' (read from X-Forwarded-For)' : '';
  return `${who}: ${values.join(', ')}${where}`;
}

function addressCheck({ effect, values, clientAddress }: Config, kit: Kit): Check {
  const ranges = values.flatMap((value, index) => {
    const range = readRange(value);
    if (typeof range !== 'string') return [range];
    kit.problem(['values', index], `found "${value}"; ${range}`);
    return [];
  });
  const addresses = new AddressSet(ranges);
  const isAllowed = effect === 'allow';
  const judge: Judge = (address) => {
    const isListed = addresses.has(address);
    // Whoever cannot be told apart is let through by neither effect.
    if (isListed === undefined) return refuse('client-address-unknown');
    return isListed === isAllowed ? undefined : refuse('ip-not-allowed');
  };
  const index = forwardedIndex(clientAddress, kit);
  if (index !== undefined) {
    const read = fromForwardedFor(index);
    return (exchange) => judge(read(exchange) ?? '');
  }
  // Not for X-Forwarded-For: what callers write themselves would be kept in memory.
  const remembered = remember(judge);
  return (exchange) => remembered(exchange.clientAddress);
}

function remember(judge: Judge): Judge {
  const verdicts = new Map<string, Reply | null>();
  return (address) => {
    let verdict = verdicts.get(address);
    if (verdict === undefined) {
      verdict = judge(address) ?? null;
      if (verdicts.size >= keptVerdicts) verdicts.clear();
      verdicts.set(address, verdict);
    }
    return verdict ?? undefined;
  };
}

/** Which entry of X-Forwarded-For counts; undefined when it is the address of the connection. */
function forwardedIndex(options: Config['clientAddress'], kit: Kit): number | undefined {
  if (options?.from === 'forwarded-for') return options.index ?? -1;
  if (options?.index !== undefined) {
    kit.problem(
      ['clientAddress', 'index'],
      'only X-Forwarded-For has entries; allowed with `from: forwarded-for`',
    );
  }
  return undefined;
}

function accountCheck({ effect, values, clientAddress }: Config, kit: Kit): Check {
  if (clientAddress !== undefined) {
    kit.problem(['clientAddress'], 'accounts have no address; allowed with `subject: ip`');
  }
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
