import {
  DataSets,
  type DataSet,
  type Exchange,
  type Hooks,
  type Kit,
  type Reply,
  definePlugin,
  describeAllowed,
  refuse,
} from '#sdk';
import { basicAuth } from './alibaba.ts';
import { credentialProblem, readCredentials } from './credentials.ts';
import { type Verdict, checksOf } from './hash-checks.ts';
import { Config } from './options.ts';
import { readScryptHash } from './scrypt-hash.ts';
import { Users } from './users.ts';

export default definePlugin({
  name: 'basic-auth',
  summary: 'Lets in who brings a name and a password (HTTP Basic authentication).',
  config: Config,
  dialects: { 'alibaba/basicAuth': basicAuth },
  bind(config: Config, kit): Hooks {
    const users = readUsers(config, kit);
    const challenge = {
      'www-authenticate': `Basic realm="${config.realm.replaceAll(/["\\]/g, '\\$&')}", charset="UTF-8"`,
    };
    return {
      auth: { stage: 'authenticate', handle: (exchange) => authenticate(exchange, users, challenge) },
      ...(!config.forwardCredentials && {
        backendSigning: {
          stage: 'change',
          handle({ headers }) {
            headers.delete('authorization');
            return undefined;
          },
        },
      }),
      describe: () => [`needs a name and a password for "${config.realm}"`],
    };
  },
});

type Headers = Readonly<Record<string, string>>;

function authenticate(
  exchange: Exchange,
  users: Users,
  headers: Headers,
): Reply | undefined | Promise<Reply | undefined> {
  // Several fields are one with commas, which no credentials have.
  const credentials = readCredentials(exchange.headers.combined('authorization'));
  if (credentials === undefined) return refuse('basic-auth-missing', { headers });
  if (credentials === null)
    return refuse('basic-auth-failed', { headers, cause: 'the credentials are malformed' });
  const { name } = credentials;
  const answer = (verdict: Verdict): Reply | undefined => {
    if (verdict === 'busy') return busy();
    if (verdict === 'wrong') return refuse('basic-auth-failed', { headers });
    // Of several authenticators the first says who calls.
    if (exchange.identity === null || exchange.identity.type === 'anonymous')
      exchange.identity = { type: 'user', id: name, user: { id: name, name, account: '' } };
    return undefined;
  };
  const verdict = users.check(credentials);
  return verdict instanceof Promise ? verdict.then(answer) : answer(verdict);
}

function busy(): Reply {
  return refuse('basic-auth-failed', {
    status: 503,
    message: 'Passwords cannot be checked at the moment.',
    headers: { 'retry-after': '1' },
    cause: 'too many passwords wait to be checked',
  });
}

function readUsers({ users: listed, dataSet }: Config, kit: Kit): Users {
  if (listed.length === 0 && dataSet === undefined)
    kit.problem([], '"users" is missing; allowed instead: "dataSet"');
  const users = new Users(checksOf(kit.log), dataSet === undefined ? undefined : findSet(dataSet, kit));
  const first = new Map<string, number>();
  for (const [index, { name: written, password, hash }] of listed.entries()) {
    const name = written.normalize('NFC');
    const report = (field: string, message: string | undefined): void => {
      if (message !== undefined) kit.problem(['users', index, field], message);
    };
    report('name', credentialProblem(name, true));
    const twin = first.get(name);
    if (twin !== undefined) report('name', `users[${twin}] has the same name`);
    first.set(name, index);
    if ((password === undefined) === (hash === undefined))
      kit.problem(
        ['users', index],
        hash === undefined
          ? '"password" is missing; allowed instead: "hash"'
          : '"password" and "hash" exclude each other',
      );
    if (password !== undefined) {
      report('password', credentialProblem(password, false));
      users.addPlain({ name, password: password.normalize('NFC') });
    }
    if (hash === undefined) continue;
    const read = readScryptHash(hash);
    if (typeof read === 'string') report('hash', read);
    else users.addHashed(name, read);
  }
  return users;
}

function findSet(name: string, kit: Kit): DataSet | undefined {
  const sets = kit.use(DataSets);
  const set = sets.byName(name);
  if (set === undefined)
    kit.problem(['dataSet'], `there is no data set "${name}"; ${describeAllowed(sets.names, name)}`);
  else if (set.type !== 'BASIC_AUTH_ACCESS')
    kit.problem(['dataSet'], `the data set "${name}" is of type ${set.type}; allowed: BASIC_AUTH_ACCESS`);
  return set?.type === 'BASIC_AUTH_ACCESS' ? set : undefined;
}
