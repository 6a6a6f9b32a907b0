/** Names a service that one plugin offers and others use; the type is what they agree on. */
export interface ServiceToken<T> {
  readonly name: string;
  /** Only for inference; never set. */
  readonly type?: T;
}

/** Declares a service. Its interface belongs beside the declaration, in `sdk/`, so that neither side imports the other. */
export function defineService<T>(name: string): ServiceToken<T> {
  return { name };
}

/** An app: who calls when an API says `auth: app`. Secrets are not part of it. */
export interface App {
  /** What stands for the app in identities, limits and logs; its name unless configured otherwise. */
  readonly id: string;
  readonly name: string;
  readonly key: string;
  /** Whether the app may call the API, given as `group/name`, in the environment. */
  mayCall(api: string, environment: string): boolean;
}

/** The apps of the configuration's `apps` section. */
export interface Apps {
  byKey(key: string): App | undefined;
  byName(name: string): App | undefined;
}

export const Apps: ServiceToken<Apps> = defineService<Apps>('apps');
