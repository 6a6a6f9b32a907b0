import { type Fields, type Inbound, type Kit, type Reply, reply } from '#sdk';
import type { Config } from './options.ts';
import { type Origins, allowedOrigins, compileOrigins, readOrigin } from './origins.ts';

/** What an API tells browsers of other origins (Fetch standard, section 3.3, "CORS protocol"). */
export interface CorsPolicy {
  /** Answers a preflight. */
  preflight(request: Fields): Reply;
  /** Completes the answer to any other request. */
  apply(inbound: Inbound): void;
}

/** Fields of the protocol; what a backend says in them is taken away, so that there is one voice. */
const fields: ReadonlySet<string> = new Set(
  ['origin', 'credentials', 'methods', 'headers']
    .map((name) => `access-control-allow-${name}`)
    .concat('access-control-expose-headers', 'access-control-max-age'),
);

/** Names that a browser asks for are given back at most up to this length. */
const longestRequest = 4096;
const nameList = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;

/** The origin that the answer names; undefined when the page may not read it. */
type AllowedOrigin = (origin: string | undefined) => string | undefined;

/** @param kit problems are reported at paths of the plugin's own options */
export function createPolicy(config: Config, kit: Pick<Kit, 'problem' | 'log'>): CorsPolicy {
  const { allowMethods, allowHeaders, exposeHeaders, maxAgeSeconds } = config;
  const isOpen = config.allowOrigins?.includes('*') === true;
  // With `*` and credentials, any page could do what its visitor may.
  const hasCredentials = config.allowCredentials === true && !isOpen;
  if (config.allowCredentials === true && isOpen) {
    kit.log.warn({}, 'cors: pages of any origin are allowed, so credentials are not');
  }
  const origins = originsOf(config.allowOrigins ?? [], (...told) => kit.problem(...told));
  const allowed: AllowedOrigin = isOpen
    ? () => '*'
    : (origin) => (origin !== undefined && origins(origin) ? origin : undefined);
  const answer = (headers: Fields, origin: string | undefined): boolean => {
    if (!isOpen) vary(headers, 'Origin');
    const name = allowed(origin);
    if (name === undefined) return false;
    headers.set('Access-Control-Allow-Origin', name);
    if (hasCredentials) headers.set('Access-Control-Allow-Credentials', 'true');
    return true;
  };
  const methods = permission(allowMethods, hasCredentials ? 'access-control-request-method' : '*');
  // Authorization is not among the fields that `*` stands for.
  const fieldNames = permission(
    allowHeaders,
    hasCredentials ? 'access-control-request-headers' : '*,Authorization',
  );
  const exposed = exposeHeaders?.join(',');
  const isAllExposed = exposeHeaders?.includes('*') === true && hasCredentials;
  return {
    preflight(request) {
      const answered = reply(204);
      const { headers } = answered;
      const isAllowed = answer(headers, request.combined('origin'));
      if (methods.isEchoed) vary(headers, 'Access-Control-Request-Method');
      if (fieldNames.isEchoed) vary(headers, 'Access-Control-Request-Headers');
      if (!isAllowed) return answered;
      setIf(headers, 'Access-Control-Allow-Methods', methods.value(request));
      setIf(headers, 'Access-Control-Allow-Headers', fieldNames.value(request));
      setIf(headers, 'Access-Control-Max-Age', maxAgeSeconds?.toString());
      return answered;
    },
    apply({ exchange, headers }) {
      headers.deleteAll(fields);
      if (!answer(headers, exchange.headers.combined('origin'))) return;
      setIf(headers, 'Access-Control-Expose-Headers', isAllExposed ? namesIn(headers) : exposed);
    },
  };
}

/** Reports origins that are none: such a one would match nothing. */
function originsOf(texts: readonly string[], problem: Kit['problem']): Origins {
  const patterns = texts.flatMap((text, index) => {
    if (text === '*' || text === 'null') return [];
    const pattern = readOrigin(text);
    if (pattern === undefined) problem(['allowOrigins', index], `found "${text}"; ${allowedOrigins}`);
    return pattern ?? [];
  });
  return compileOrigins(patterns, texts.includes('null'));
}

interface Permission {
  /** Whether the answer depends on what is asked for. */
  readonly isEchoed: boolean;
  value(request: Fields): string | undefined;
}

/**
 * Methods or names of fields that are allowed.
 * @param everything what stands for all of them; with credentials, where `*` is a name like any other, the field whose
 *   value is given back
 */
function permission(list: readonly string[] = [], everything: string): Permission {
  if (!list.includes('*')) {
    const joined = list.length === 0 ? undefined : list.join(',');
    return { isEchoed: false, value: () => joined };
  }
  if (everything.startsWith('*')) return { isEchoed: false, value: () => everything };
  return {
    isEchoed: true,
    value(request) {
      const text = request.combined(everything);
      return text !== undefined && text.length <= longestRequest && nameList.test(text) ? text : undefined;
    },
  };
}

function setIf(headers: Fields, name: string, value: string | undefined): void {
  if (value !== undefined) headers.set(name, value);
}

/** A line of its own; what the backend says of other fields stays. */
function vary(headers: Fields, name: string): void {
  const found = headers.combined('vary')?.toLowerCase().split(',') ?? [];
  if (found.some((each) => each.trim() === '*' || each.trim() === name.toLowerCase())) return;
  headers.append('Vary', name);
}

function namesIn(headers: Fields): string {
  return [...new Set([...headers].map(([name]) => name.toLowerCase()))].join(',');
}
