import { type KeyObject, createSecretKey } from 'node:crypto';
import {
  type AccountUser,
  type Accounts,
  type Identity,
  Matching,
  Options,
  Secret,
  type SetupKit,
  type Static,
  Type,
} from '#sdk';

const id = Matching('^[\\x21-\\x7e]{1,64}$', '1 to 64 visible ASCII characters');
// As `access-control` and `account/user` can name them.
const accountNames = {
  pattern: '^[^\\s,;/]([^,;/\\x00-\\x1f]{0,253}[^\\s,;/])?$',
  allowed: 'names without comma, semicolon and /, and without blanks at the ends',
};
const userNames = {
  pattern: '^[^\\s/]([^/\\x00-\\x1f]{0,253}[^\\s/])?$',
  allowed: 'names without /, and without blanks at the ends',
};

const UserSchema = Options({
  id: Type.Optional({
    ...id,
    description: 'What stands for the user in identities, limits and logs; the name when absent.',
  }),
  accessKey: Type.Optional(
    Matching('^[\\x21-\\x2b\\x2d-\\x7e]{1,200}$', '1 to 200 visible ASCII characters, no comma', {
      description: 'AK: names the secret that a request is signed with. No two users have the same.',
    }),
  ),
  secretKey: Type.Optional(
    Secret({ minLength: 1, maxLength: 200, description: 'SK: what requests are signed with.' }),
  ),
  password: Type.Optional(
    Secret({ minLength: 1, maxLength: 1024, description: 'What a token is issued for.' }),
  ),
});

/** The section `accounts`. */
export const AccountsSchema = Type.Record(
  Type.String({ pattern: accountNames.pattern }),
  Options({
    id: Type.Optional({ ...id, description: 'Keystone id of the account (domain); the name when absent.' }),
    users: Type.Record(Type.String({ pattern: userNames.pattern }), UserSchema, {
      additionalProperties: false,
      allowed: userNames.allowed,
      default: {},
      description: 'By name.',
    }),
  }),
  {
    additionalProperties: false,
    allowed: accountNames.allowed,
    description: 'Accounts (tenants) and their users, who call APIs that say `auth: iam`.',
  },
);

/** A user with what proves it; stays within this plugin. */
export interface User extends AccountUser {
  readonly accountId: string;
  readonly identity: Identity;
  readonly secretKey: KeyObject | undefined;
  readonly password: string | undefined;
}

/** The users of a configuration, by whatever a caller may name them. */
export class Directory {
  readonly #byAccessKey = new Map<string, User>();
  readonly #byId = new Map<string, User>();
  readonly #byName = new Map<string, User>();
  readonly #accountIds = new Map<string, string>();

  constructor(section: Static<typeof AccountsSchema> | undefined, kit: SetupKit) {
    for (const [account, config] of Object.entries(section ?? {})) {
      const accountId = config.id ?? account;
      const twin = this.#accountIds.get(accountId);
      if (twin !== undefined)
        kit.problem(['accounts', account], `"${twin}" has the same id; give one of them another \`id\``);
      this.#accountIds.set(accountId, account);
      for (const [name, user] of Object.entries(config.users)) {
        this.#add(toUser(name, { account, accountId }, user), user.accessKey, kit);
      }
    }
  }

  get accountNames(): readonly string[] {
    return [...this.#accountIds.values()];
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  get users(): readonly User[] {
    return [...this.#byName.values()];
  }

  byAccessKey(key: string): User | undefined {
    return this.#byAccessKey.get(key);
  }

  byId(id: string): User | undefined {
    return this.#byId.get(id);
  }

  byName(account: string, name: string): User | undefined {
    return this.#byName.get(`${account}/${name}`);
  }

  /** The name of the account with the id. */
  accountById(id: string): string | undefined {
    return this.#accountIds.get(id);
  }

  #add(user: User, accessKey: string | undefined, kit: SetupKit): void {
    const { account, name, id } = user;
    const path = ['accounts', account, 'users', name];
    if ((accessKey === undefined) !== (user.secretKey === undefined)) {
      kit.problem(path, '`accessKey` and `secretKey` go together: give both, or neither');
    }
    // Neither key nor id is shown: either may come from the environment.
    const holder = accessKey === undefined ? undefined : this.#byAccessKey.get(accessKey);
    if (holder !== undefined) {
      const owner = `${holder.account}/${holder.name}`;
      kit.problem([...path, 'accessKey'], `this is the access key of the user "${owner}" already`);
    }
    const namesake = this.#byId.get(id);
    if (namesake !== undefined) {
      const owner = `${namesake.account}/${namesake.name}`;
      kit.problem(path, `the user "${owner}" has the same id; give one of them another \`id\``);
    }
    if (accessKey !== undefined) this.#byAccessKey.set(accessKey, user);
    this.#byId.set(id, user);
    this.#byName.set(`${account}/${name}`, user);
  }
}

/** What other plugins get. */
export function toAccounts(directory: Directory, areAll: boolean): Accounts {
  return {
    names: directory.accountNames,
    areAll,
    user(text) {
      const slash = text.indexOf('/');
      const found = directory.byName(text.slice(0, Math.max(slash, 0)), text.slice(slash + 1));
      return found && { id: found.id, name: found.name, account: found.account };
    },
  };
}

function toUser(
  name: string,
  { account, accountId }: { readonly account: string; readonly accountId: string },
  config: Static<typeof UserSchema>,
): User {
  const id = config.id ?? name;
  const { secretKey, password } = config;
  return {
    id,
    name,
    account,
    accountId,
    identity: identityOf({ id, name, account }),
    secretKey: secretKey === undefined ? undefined : createSecretKey(secretKey, 'utf8'),
    password,
  };
}

/** What `exchange.identity` becomes. */
export function identityOf({ id, name, account }: AccountUser): Identity {
  return Object.freeze({ type: 'user', id, user: Object.freeze({ id, name, account }) });
}
