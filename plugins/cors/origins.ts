/** Says whether pages of an origin, as a browser sends it, are among those allowed. */
export type Origins = (origin: string) => boolean;

interface Pattern {
  /** Undefined: http and https. */
  readonly scheme: string | undefined;
  /** Host and port; what follows the star of `*.example.org`. */
  readonly authority: string;
  readonly isWildcard: boolean;
}

const form =
  /^(?:([a-z][a-z0-9+.-]*):\/\/)?(\*\.)?((?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/;

/** For messages. */
export const allowedOrigins =
  'allowed: https://app.example.com, app.example.com:8443, *.example.org, null, *';

/** Reads `https://host`, `host`, `*.host`, with or without a port; undefined when it is none of these. */
export function readOrigin(text: string): Pattern | undefined {
  const [, scheme, star, host, port] = form.exec(text.trim().toLowerCase()) ?? [];
  if (host === undefined || (star !== undefined && host.startsWith('['))) return undefined;
  return { scheme, authority: port === undefined ? host : `${host}:${port}`, isWildcard: star !== undefined };
}

/** An origin is a scheme, a host and a port that is not the scheme's own (RFC 6454, section 6.2). */
export function compileOrigins(patterns: readonly Pattern[], isNullAllowed: boolean): Origins {
  const exact = new Set<string>();
  const wild = new Set<string>();
  for (const { scheme, authority, isWildcard } of patterns) {
    for (const each of scheme === undefined ? ['http', 'https'] : [scheme])
      (isWildcard ? wild : exact).add(`${each}://${withoutOwnPort(each, authority)}`);
  }
  return (text) => {
    const origin = text.toLowerCase();
    if (origin === 'null') return isNullAllowed;
    return exact.has(origin) || (wild.size > 0 && isBelow(wild, origin));
  };
}

function withoutOwnPort(scheme: string, authority: string): string {
  const own = scheme === 'http' ? ':80' : scheme === 'https' ? ':443' : undefined;
  return own !== undefined && authority.endsWith(own) ? authority.slice(0, -own.length) : authority;
}

function isBelow(wild: ReadonlySet<string>, origin: string): boolean {
  const at = origin.indexOf('://') + 3;
  if (at < 3) return false;
  const scheme = origin.slice(0, at);
  // Nobody is below a name without one of its own: `https://.example.org` is no origin.
  for (let dot = origin.indexOf('.', at + 1); dot >= 0; dot = origin.indexOf('.', dot + 1)) {
    if (wild.has(scheme + origin.slice(dot + 1))) return !/[/@]/.test(origin.slice(at, dot));
  }
  return false;
}
