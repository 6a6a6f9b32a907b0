import type { Counters, GatewayHooks, Identity, Reply, SetupKit } from '#sdk';
import { Directory } from './accounts.ts';
import { Attempts } from './attempts.ts';
import { issuer } from './issuer.ts';
import { Keystone } from './keystone.ts';
import { openKeystone } from './keystone-client.ts';
import type { IamSection } from './options.ts';
import type { SignatureOptions } from './signatures.ts';
import { Tokens } from './tokens.ts';
import { badToken } from './refused.ts';

/** Who a token stands for. */
interface Proven {
  readonly identity: Identity;
}

/** What verifies callers under one configuration. */
export interface Credentials extends SignatureOptions {
  verifyToken(token: string): Proven | Reply | Promise<Proven | Reply>;
  readonly fallback: GatewayHooks['fallback'];
  dispose(): void;
}

/** What outlives a reload. */
interface Lasting {
  readonly signatures: Attempts;
  readonly passwords: Attempts;
}

// By the counters, which a gateway lends anew to each of its configurations.
const lasting = new WeakMap<Counters, Lasting>();

function lastingOf({ counters, clock }: SetupKit): Lasting {
  let found = lasting.get(counters);
  if (found === undefined) {
    found = { signatures: new Attempts(clock), passwords: new Attempts(clock) };
    lasting.set(counters, found);
  }
  return found;
}

/** Puts together what the sections `accounts` and `iam` ask for. */
export function readCredentials(
  directory: Directory,
  iam: IamSection | undefined,
  kit: SetupKit,
): Credentials {
  const { signatures, passwords } = lastingOf(kit);
  const { clock, values, counters, log } = kit;
  const common = { directory, attempts: signatures, clock, dispose: () => undefined };
  checkTogether(iam, kit);
  if (iam?.keystone !== undefined) {
    const client = openKeystone(iam.keystone, iam.timeoutMs ?? 5000);
    if (client === undefined) {
      const allowed = 'allowed: http://host:port or https://host:port, with a path if need be';
      kit.problem(['iam', 'keystone'], `this is no address of a Keystone; ${allowed}`);
      return { ...common, verifyToken: () => badToken('no Keystone'), fallback: undefined };
    }
    const keystone = new Keystone(client, iam, kit);
    const verifyToken: Credentials['verifyToken'] = (token) => keystone.verify(token);
    return { ...common, verifyToken, fallback: undefined, dispose: () => client.close() };
  }
  checkHosts(iam?.hosts, kit);
  // Without a key of the operator's it is the machine's: what one worker issues the others take.
  const { tokenSeconds = 86_400, tokenKey = kit.machine.key('tokens'), hosts, allowHttp = false } = iam ?? {};
  const tokens = new Tokens(directory, tokenKey, { clock, values, seconds: tokenSeconds });
  const isIssuing = directory.users.some(({ password }) => password !== undefined);
  const fallback = issuer({ directory, tokens, attempts: passwords, counters, log, hosts, allowHttp });
  return {
    ...common,
    fallback: isIssuing ? fallback : undefined,
    verifyToken(token) {
      const verified = tokens.verify(token);
      return verified instanceof Promise ? verified.then(toProven) : toProven(verified);
    },
  };
}

function toProven(verified: Awaited<ReturnType<Tokens['verify']>>): Proven | Reply {
  return 'user' in verified ? verified.user : verified;
}

/** What holds for Keystone only, and what for tokens of our own only. */
function checkTogether(iam: IamSection | undefined, kit: SetupKit): void {
  if (iam === undefined) return;
  const isRemote = iam.keystone !== undefined;
  const useless = isRemote
    ? (['hosts', 'tokenSeconds', 'tokenKey', 'allowHttp'] as const)
    : (['serviceUser', 'cacheSeconds', 'timeoutMs'] as const);
  for (const name of useless) {
    if (iam[name] === undefined) continue;
    const why = isRemote
      ? 'Keystone issues the tokens; allowed without `keystone`'
      : 'allowed with `keystone`';
    kit.problem(['iam', name], why);
  }
}

/** An API would take the passwords that are meant for us. */
function checkHosts(hosts: readonly string[] | undefined, kit: SetupKit): void {
  for (const [index, host] of (hosts ?? []).entries()) {
    const group = kit.groups.find(({ hosts: own }) => own.some((each) => covers(each, host)));
    if (group === undefined) continue;
    kit.problem(
      ['iam', 'hosts', index],
      `found "${host}", which leads to the group "${group.name}"; allowed: a host of its own, or no \`hosts\``,
    );
  }
}

function covers(domain: string, host: string): boolean {
  if (domain === '*') return true;
  return domain.startsWith('*.') ? host.endsWith(domain.slice(1)) : domain === host;
}
