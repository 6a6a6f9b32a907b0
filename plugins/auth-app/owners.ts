import { Accounts, type Identity, Matching, type SetupKit, describeAllowed } from '#sdk';

/** `apps.NAME.owner`. */
export const OwnerSchema = Matching('^[^\\s/](?:[^/]*[^\\s/])?/[^\\s/](?:[^/]*[^\\s/])?$', 'account/user', {
  description: 'The user who owns the app, as `account/user` of the section `accounts`.',
});

/** Finds the users who own apps. Needs the accounts only when some app has an owner. */
export class Owners {
  readonly #kit: SetupKit;

  constructor(kit: SetupKit) {
    this.#kit = kit;
  }

  find(owner: string, app: string): Identity['user'] {
    const accounts = this.#kit.use(Accounts);
    const user = accounts.user(owner);
    if (user !== undefined) return Object.freeze({ id: user.id, name: user.name, account: user.account });
    const account = owner.slice(0, owner.indexOf('/'));
    const words = accounts.names.includes(account)
      ? `there is no user "${owner}"`
      : `there is no account "${account}"; ${describeAllowed(accounts.names, account)}`;
    this.#kit.problem(['apps', app, 'owner'], words);
    return undefined;
  }
}
