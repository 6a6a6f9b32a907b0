import { type Arrival, type Reply, reply } from '#sdk';
import type { Claims } from './tokens.ts';
import type { User } from './accounts.ts';

const titles = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
} as const;

const common = { 'content-type': 'application/json', 'cache-control': 'no-store', vary: 'X-Auth-Token' };

/** An error as Keystone writes it. */
export function errorAnswer(
  code: keyof typeof titles,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const body = JSON.stringify({ error: { code, message, title: titles[code] } });
  return reply(code, { ...common, ...headers }, body);
}

/** 401, the same whatever was wrong. */
export function unauthorized(arrival: Arrival): Reply {
  const headers = { 'www-authenticate': `Keystone uri="${baseOf(arrival)}"` };
  return errorAnswer(401, 'The request you have made requires authentication.', headers);
}

/** A token as Keystone describes it. */
export function tokenAnswer(status: 200 | 201, token: string, user: User, claims: Claims): Reply {
  return reply(
    status,
    { ...common, 'x-subject-token': token },
    JSON.stringify({ token: describe(user, claims) }),
  );
}

function describe({ id, name, account, accountId }: User, claims: Claims): Readonly<Record<string, unknown>> {
  const domain = { id: accountId, name: account };
  const { scope, issuedAt, expiresAt } = claims;
  return {
    methods: ['password'],
    user: { domain, id, name, password_expires_at: null },
    audit_ids: [claims.id],
    issued_at: timeText(issuedAt),
    expires_at: timeText(expiresAt),
    ...(scope === undefined ? {} : { roles: [], catalog: [] }),
    ...(scope === 'domain'
      ? { domain }
      : scope === undefined
        ? {}
        : { project: { ...scope.project, domain } }),
  };
}

/** Keystone's times have six digits behind the point. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** `GET /v3`: what clients ask first. */
export function versionAnswer(arrival: Arrival): Reply {
  const version = {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${baseOf(arrival)}/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
  return reply(200, { 'content-type': 'application/json', vary: 'Host' }, JSON.stringify({ version }));
}

function baseOf({ scheme, headers, host }: Arrival): string {
  // The field and not `host`: it has the port. What is no address is not repeated.
  const authority = headers.get('host') ?? '';
  return `${scheme}://${/^[\w.\-:[\]]+$/.test(authority) ? authority : host}/v3`;
}
