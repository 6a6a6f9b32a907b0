/** A backend as written, whole or in part. */
export type Definition = Readonly<Record<string, unknown>>;

/** Fields that say who is called. One of them in a route replaces all of the API's own. */
const places = ['address', 'channel', 'vpcAccessName'] as const;
/** What belongs to the place: the virtual host of one server, or the groups of a channel, mean nothing to another. */
const ofPlace: ReadonlySet<string> = new Set([...places, 'hostHeader', 'scheme', 'memberGroup', 'retries']);

/** A route's backend, completed from the API's own where both are of one type. */
export function mergeBackend(own: Definition, route: Definition): Definition {
  const type = route['type'] ?? own['type'];
  if (type !== own['type']) return route;
  const isElsewhere = places.some((place) => route[place] !== undefined);
  const kept = Object.entries(own).filter(([name]) => !isElsewhere || !ofPlace.has(name));
  return { ...Object.fromEntries(kept), ...route, type };
}

/** What a merged backend lacks to be called, if anything; all else that may be wrong with it is a problem at load. */
export function missingPlace({ type, address, channel, vpcAccessName }: Definition): string | undefined {
  if (type !== 'http' || address !== undefined || channel !== undefined) return undefined;
  return vpcAccessName === undefined
    ? 'it has no address, and the backend of the API has none to lend'
    : 'this gateway has no VPC access; write an `address` beside `vpcAccessName`';
}
