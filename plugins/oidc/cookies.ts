import type { Fields } from '#sdk';

/** What all cookies of this plugin begin with, behind `__Host-`. */
const family = 'tapgate-oidc-';
const hostOnly = '__Host-';

/** The full name: over HTTPS one that neither a subdomain nor a plain connection can set (RFC 6265bis section 4.1.3). */
export function cookieName(name: string, isSecure: boolean): string {
  return `${isSecure ? hostOnly : ''}${family}${name}`;
}

/** Name and value of each cookie of this plugin that a request brings, in the order they came. */
export function* ownCookies(headers: Fields): Generator<readonly [name: string, value: string]> {
  for (const line of headers.getAll('cookie')) {
    if (!line.includes(family)) continue;
    for (const pair of line.split(';')) {
      const equals = pair.indexOf('=');
      const name = pair.slice(0, equals).trim();
      if (equals > 0 && isOwn(name)) yield [name, pair.slice(equals + 1).trim()];
    }
  }
}

/** Undefined also when there are several: then one of them was put there by somebody else. */
export function readCookie(headers: Fields, name: string): string | undefined {
  let found: string | undefined;
  for (const [each, value] of ownCookies(headers)) {
    if (each !== name) continue;
    if (found !== undefined) return undefined;
    found = value;
  }
  return found;
}

/** A cookie that scripts cannot read and that other sites' forms and images do not send. Without a time it ends with the browser. */
export function setCookie(name: string, value: string, maxAgeSeconds?: number): string {
  const secure = name.startsWith(hostOnly) ? '; Secure' : '';
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}${age}`;
}

export function dropCookie(name: string): string {
  return setCookie(name, '', 0);
}

/** Takes this plugin's cookies off a request: they are the gateway's business, and a backend could sign in with them. */
export function stripCookies(headers: Fields): void {
  const lines = headers.getAll('cookie');
  if (!lines.some((line) => line.includes(family))) return;
  headers.delete('cookie');
  for (const line of lines) {
    const others = line.split(';').filter((pair) => !isOwn(pair.split('=', 1)[0]?.trim() ?? ''));
    const kept = others.map((pair) => pair.trim()).filter((pair) => pair !== '');
    if (kept.length > 0) headers.append('Cookie', kept.join('; '));
  }
}

function isOwn(name: string): boolean {
  return (name.startsWith(hostOnly) ? name.slice(hostOnly.length) : name).startsWith(family);
}
