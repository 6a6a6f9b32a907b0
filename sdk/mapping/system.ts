import { hostname, networkInterfaces } from 'node:os';
import { type Api, type Arrival, type Exchange, type NoteKey, defineNote } from '../exchange.ts';

/** Reads one value of a request; empty when there is none, as of the app of a request that nobody signed. */
export type SystemValue = (arrival: Arrival, exchange: Exchange | undefined) => string;

const values = {
  sourceIp: ({ clientAddress }) => clientAddress,
  stage: (_arrival, exchange) => exchange?.environment ?? '',
  apiId: (_arrival, exchange) => (exchange === undefined ? '' : apiId(exchange.api)),
  apiName: (_arrival, exchange) => exchange?.api.name.slice(exchange.api.name.indexOf('/') + 1) ?? '',
  appId: (_arrival, exchange) => exchange?.identity?.app?.id ?? '',
  appName: (_arrival, exchange) => exchange?.identity?.app?.name ?? '',
  requestId: ({ requestId }) => requestId,
  serverAddr: () => ownAddress(),
  serverName: () => hostname(),
  handleTime: (_arrival, exchange) =>
    exchange === undefined ? '' : new Date(exchange.receivedAt).toISOString(),
  // Nobody owns an app here but the operator.
  providerAppId: () => '',
  reqPath: ({ path }) => path,
  reqUri: ({ path, rawQuery }) => (rawQuery === '' ? path : `${path}?${rawQuery}`),
  reqMethod: ({ method }) => method,
} as const satisfies Readonly<Record<string, SystemValue>>;

/** Names of the values that the gateway knows of every request (guide table 3-13, and the current manual's). */
export const systemNames = Object.keys(values) as readonly (keyof typeof values)[];

/** The value of that name; letter case is ignored, as the guide writes the names in several ways. */
export function systemValue(name: string): SystemValue | undefined {
  const found = findContextName(name, systemNames);
  return found === undefined ? undefined : values[found];
}

/** The name among `known` that differs in letter case at most. */
export function findContextName<Name extends string>(name: string, known: readonly Name[]): Name | undefined {
  const lower = name.toLowerCase();
  return known.find((each) => each.toLowerCase() === lower);
}

/** What a custom authorizer said of a request, by key. */
export type AuthorizerContext = ReadonlyMap<string, string>;

/** Where custom authorizers keep it: of the caller (`frontend`), and for the backend that was chosen (`backend`). */
export const authorizerContexts: Readonly<Record<'frontend' | 'backend', NoteKey<AuthorizerContext>>> = {
  frontend: defineNote('authorizer.frontend'),
  backend: defineNote('authorizer.backend'),
};

/**
 * A value that a custom authorizer gave; empty when there is none. Where no frontend authorizer was asked, the claims of
 * a verified token stand for what it says. Keys are case-sensitive.
 */
export function authorizerValue(side: 'frontend' | 'backend', key: string): SystemValue {
  const note = authorizerContexts[side];
  return (_arrival, exchange) => {
    const context = exchange?.notes.get(note);
    if (context !== undefined || side === 'backend') return context?.get(key) ?? '';
    const claims = exchange?.identity?.claims;
    if (claims === undefined || !Object.hasOwn(claims, key)) return '';
    const value = claims[key];
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : '';
  };
}

/** Configuration in files gives an API no id; its name identifies it as well. */
function apiId(api: Api): string {
  const id = api.definition['id'];
  return typeof id === 'string' ? id : api.name;
}

let address: string | undefined;

/** The machine's first address that others can reach. */
function ownAddress(): string {
  address ??=
    Object.values(networkInterfaces())
      .flatMap((entries) => entries ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
  return address;
}
