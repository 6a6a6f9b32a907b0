import type { StoredPlace } from './key.ts';

/** What is to be forgotten: whatever fits all that is given. */
export interface Scope {
  readonly api?: string;
  readonly environment?: string;
  /** Whatever the scheme and the port. */
  readonly host?: string;
  readonly path?: string;
  readonly pathPrefix?: string;
}

export function isWithin(place: StoredPlace, scope: Scope): boolean {
  const { api, environment, host, path, pathPrefix } = scope;
  return (
    (path === undefined || place.path === path) &&
    (pathPrefix === undefined || place.path.startsWith(pathPrefix)) &&
    (host === undefined || hostOf(place.origin) === host) &&
    (api === undefined || place.api === api) &&
    (environment === undefined || place.environment === environment)
  );
}

/** Without scheme and port. */
export function hostOf(origin: string): string {
  const authority = origin.slice(origin.indexOf('//') + 2, origin.lastIndexOf(' '));
  return authority.replace(/:[0-9]*$/, '');
}
