import { type Arrival, type Fields } from '#sdk';

/** How a browser reaches the gateway: `https://host:port`, as the operator says or as the request does. */
export function originOf(request: Arrival, configured: string | undefined): string {
  // With the port that the caller used, which need not be the one that the gateway listens at.
  const port = /:\d{1,5}$/.exec(request.headers.get('host') ?? '')?.[0] ?? '';
  const origin = configured ?? `${request.scheme}://${request.host}${port}`;
  // As browsers and the protocol's library write it: the provider compares letter by letter.
  return URL.canParse(origin) ? new URL(origin).origin : origin;
}

/** Whether a person waits in a browser for a page, who can be sent elsewhere: not a script, not a form that would lose what it sends. */
export function isNavigation({ method, headers }: Arrival): boolean {
  if (method !== 'GET' || headers.has('x-requested-with')) return false;
  const mode = headers.get('sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return acceptsHtml(headers);
}

function acceptsHtml(headers: Fields): boolean {
  return (headers.combined('accept') ?? '').toLowerCase().includes('text/html');
}

/**
 * Whether a request comes from a page of the same origin, or from nobody's page. Where browsers say nothing at all, as over
 * plain HTTP, cookies that are `SameSite=Lax` keep other sites' forms and images out.
 */
export function isOwnPage({ headers }: Arrival, origin: string): boolean {
  const site = headers.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const page = headers.get('origin') ?? headers.get('referer');
  return page === undefined || page === origin || page.startsWith(`${origin}/`);
}
