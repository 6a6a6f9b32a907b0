import { type Arrival, HostTable, type Published, type SetupKit, describeAllowed, nearest } from '#sdk';
import type { PathTable } from './path-table.ts';

/** Which of host, environment, method and path kept a request from an API, and what there is instead. */
export function describeMiss(
  { groups, published }: Pick<SetupKit, 'groups' | 'published'>,
  tables: ReadonlyMap<string, PathTable<Published>> | undefined,
  environment: string,
  arrival: Arrival,
): string[] {
  const lines = [`host ${arrival.host}, environment ${environment}`];
  const hosts = new HostTable<string>();
  for (const { name, hosts: names } of groups) for (const host of names) hosts.add(host, name);
  const group = hosts.find(arrival.host);
  const known = groups.flatMap((each) => each.hosts);
  if (group === undefined)
    return [...lines, `no group has this host; ${describeAllowed(known, arrival.host)}`];
  lines.push(`the group "${group}" has this host`);
  if (tables === undefined) return [...lines, 'no API of this group is published'];
  const table = tables.get(environment);
  if (table === undefined)
    return [
      ...lines,
      `no API of this group is published in ${environment}; ${describeAllowed(tables.keys(), environment)}`,
    ];
  const apis = published.filter(
    ({ api, ...each }) => api.group.name === group && each.environment === environment,
  );
  return [...lines, ...describePath(table, apis, arrival), ...elsewhere(tables, arrival)];
}

function describePath(
  table: PathTable<Published>,
  apis: readonly Published[],
  { method, path }: Arrival,
): string[] {
  const methods = new Set(apis.map(({ api }) => api.request.method));
  const allowed = [...methods].filter((each) => table.find(each, path) !== undefined);
  if (allowed.length > 0)
    return [`no API has this path with the method ${method}; allowed: ${allowed.join(', ')}`];
  const paths = new Map(apis.map(({ api }) => [filledIn(api.request.path, path), api.request.path]));
  const near = paths.get(nearest(path, paths.keys()) ?? '');
  return [`no API has this path; ${describeAllowed(new Set(paths.values()), near ?? '')}`];
}

/** The environments where the request would find an API. */
function elsewhere(tables: ReadonlyMap<string, PathTable<Published>>, { method, path }: Arrival): string[] {
  return [...tables]
    .filter(([, table]) => table.find(method, path) !== undefined)
    .map(([environment]) => `it is published in ${environment}: X-Stage: ${environment}`);
}

/** A path with the request's own segments for its parameters, so that the two can be compared. */
function filledIn(pattern: string, path: string): string {
  const sent = path.split('/');
  return pattern
    .split('/')
    .map((segment, index) => {
      if (!/^\{.*\}$/.test(segment)) return segment;
      return (segment.endsWith('+}') ? sent.slice(index).join('/') : sent[index]) ?? '';
    })
    .join('/');
}
