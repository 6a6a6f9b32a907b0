import { type KeyObject, createSecretKey, randomBytes } from 'node:crypto';
import { type App, type Apps, type Identity, Options, Secret, type SetupKit, type Static, Type } from '#sdk';
import { AppCodes, AppCodesSchema } from './app-codes.ts';
import { GrantReader } from './grants.ts';
import { OwnerSchema, Owners } from './owners.ts';

const api = Type.String({
  minLength: 1,
  description: '`group/name`, `group/*` for all of a group, `*` for all.',
});

const AppSchema = Options({
  id: Type.Optional(
    Type.Union(
      [
        Type.String({ pattern: '^[\\x21-\\x7e]{1,64}$' }),
        Type.Integer({ minimum: 0, maximum: 9007199254740991 }),
      ],
      {
        description: 'What stands for the app in conditions, limits and logs; its name when absent.',
      },
    ),
  ),
  key: Type.Union(
    [
      Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
      Type.Integer({ minimum: 0, maximum: 9007199254740991 }),
    ],
    { description: 'AppKey: 1 to 200 visible ASCII characters. No two apps have the same.' },
  ),
  secret: Secret({ minLength: 1, maxLength: 200, description: 'AppSecret.' }),
  appCodes: AppCodesSchema,
  owner: Type.Optional(OwnerSchema),
  apis: Type.Array(
    Type.Union([
      api,
      Options({ api, environments: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }) }),
    ]),
    { default: [], description: 'What the app may call, in every environment or in those given.' },
  ),
});

/** The section `apps`. */
export const AppsSchema = Type.Record(Type.String({ pattern: '^\\S(.*\\S)?$' }), AppSchema, {
  description: 'Who may call APIs that say `auth: app`, by name.',
});

interface Credentials {
  readonly secret: KeyObject;
  readonly identity: Identity;
}

/** Verifies what names an unknown key. Nobody signs with it. */
export const decoy = createSecretKey(randomBytes(32));

// Beside the apps and not in them: they are lent to other plugins, whom the secrets are no concern of.
const credentials = new WeakMap<App, Credentials>();
const appCodes = new WeakMap<Apps, AppCodes>();

/** The secret of an app of this plugin, and the identity it gives. */
export function credentialsOf(app: App | undefined): Credentials | undefined {
  return app === undefined ? undefined : credentials.get(app);
}

/** The AppCodes of the apps of this plugin. */
export function appCodesOf(apps: Apps): AppCodes {
  return appCodes.get(apps) ?? new AppCodes();
}

/** Builds the apps of a configuration. */
export function readApps(section: Static<typeof AppsSchema> | undefined, kit: SetupKit): Apps {
  const byKey = new Map<string, App>();
  const byName = new Map<string, App>();
  const byId = new Map<string, App>();
  const codes = new AppCodes();
  const owners = new Owners(kit);
  const grants = new GrantReader(kit);
  for (const [name, config] of Object.entries(section ?? {})) {
    const key = String(config.key);
    const id = String(config.id ?? name);
    const allowed = grants.read(config.apis, ['apps', name, 'apis']);
    const app: App = { id, name, key, mayCall: (api, environment) => allowed.mayCall(api, environment) };
    // Neither key nor id is shown: either may come from the environment.
    const twin = byKey.get(key);
    if (twin !== undefined)
      kit.problem(['apps', name, 'key'], `this is the key of the app "${twin.name}" already`);
    const namesake = byId.get(id);
    if (namesake !== undefined) {
      kit.problem(['apps', name, 'id'], `this is the id of the app "${namesake.name}" already`);
    }
    const user = config.owner === undefined ? undefined : owners.find(config.owner, name);
    credentials.set(app, {
      secret: createSecretKey(config.secret, 'utf8'),
      identity: identityOf(app, user),
    });
    codes.add(app, config.appCodes, kit);
    byKey.set(key, app);
    byName.set(name, app);
    byId.set(id, app);
  }
  const apps: Apps = {
    byKey: (key) => byKey.get(key),
    byName: (name) => byName.get(name),
    byId: (id) => byId.get(id),
  };
  appCodes.set(apps, codes);
  return apps;
}

function identityOf({ id, name, key }: App, user: Identity['user']): Identity {
  const app = Object.freeze({ id, name, key });
  return Object.freeze({ type: 'app', id, app, ...(user === undefined ? {} : { user }) });
}
