/**
 * What the `*` of a group's domain stands for in a host name: the label at a position when `key` is a number, all of
 * it otherwise. Undefined when the name is one of the group's own without `*`.
 */
export function readHostVariable(host: string, domains: readonly string[], key: string): string | undefined {
  const star = whatStarStandsFor(host, domains);
  return star !== undefined && /^\d+$/.test(key) ? star.split('.')[Number(key)] : star;
}

/** As the router matches: the exact name wins, then the longest domain below which it stands, then `*`. */
function whatStarStandsFor(host: string, domains: readonly string[]): string | undefined {
  if (host === '' || domains.includes(host)) return undefined;
  let length = -1;
  for (const domain of domains) {
    if (domain === '*') length = Math.max(length, 0);
    else if (domain.startsWith('*.') && host.endsWith(domain.slice(1)))
      length = Math.max(length, domain.length - 1);
  }
  return length < 0 ? undefined : host.slice(0, host.length - length);
}
