import { hash } from 'node:crypto';
import { type Exchange, type Fields, type Kit, describeAllowed } from '#sdk';
import { systemNames, systemValue } from '#sdk/mapping';
import type { Config } from './options.ts';
import { parameterText } from './parameters.ts';
import type { RequestFacts } from './request.ts';
import { selectingText } from './vary.ts';

/** Where an answer is kept. */
export interface StoredPlace {
  readonly api: string;
  readonly environment: string;
  /** `scheme://host`, as asked for, and the port it came in at. */
  readonly origin: string;
  readonly path: string;
  /** All that tells its answer from others, but what `Vary` names. */
  readonly key: string;
}

/** Where the answer to a request is kept. */
export interface Place extends StoredPlace {
  /** What the request has in fields of these names; see `selectingText`. */
  selecting(names: readonly string[]): string;
}

/** Whose answer it would be. */
export interface Caller {
  /** Answers are shared within it only; empty for everybody. */
  readonly partition: string;
  /** They said who they are, so that others may get the answer only if the backend says so. */
  readonly isRestricted: boolean;
  /** The operator's word that answers do not depend on who asks. */
  readonly isAnybody?: true;
}

const everybody: Caller = { partition: '', isRestricted: false };
const anybody: Caller = { ...everybody, isAnybody: true };
const restricted: Caller = { partition: '', isRestricted: true };

/** Says with whom the answer to a request is shared. */
export function compileCallers(mode: Config['callers']): (exchange: Exchange, facts: RequestFacts) => Caller {
  return ({ identity }, { hasAuthorization }) => {
    if (mode === 'everybody') return anybody;
    if (identity === null) return hasAuthorization ? restricted : everybody;
    const { app, type, id, isShared } = identity;
    if (mode === 'apps' && app !== undefined) return everybody;
    if (mode === 'perApp' && app !== undefined)
      return { partition: JSON.stringify(app.id), isRestricted: false };
    // Who is nobody here may still be somebody to the backend.
    if (mode === 'perCaller' && isShared !== true)
      return {
        partition: JSON.stringify([type, id]),
        isRestricted: type === 'anonymous' && hasAuthorization,
      };
    return restricted;
  };
}

// A class, so that no request costs a closure. It keeps the request's fields; what is stored has a place without them.
class RequestPlace implements Place {
  readonly api: string;
  readonly environment: string;
  readonly origin: string;
  readonly path: string;
  readonly key: string;
  readonly #headers: Fields;

  constructor(api: string, environment: string, origin: string, key: string, { path, headers }: Exchange) {
    this.api = api;
    this.environment = environment;
    this.origin = origin;
    this.path = path;
    this.key = key;
    this.#headers = headers;
  }

  selecting(names: readonly string[]): string {
    return selectingText(names, this.#headers);
  }
}

type Part = (exchange: Exchange) => string;

/** Says where the answer to a request is kept. */
export function compileKey(config: Config, kit: Kit): (exchange: Exchange, caller: Caller) => Place {
  const { query, parameters, headers, context } = config.key;
  const parts: Part[] = [
    query === undefined ? ({ rawQuery }) => rawQuery : (exchange) => chosen(exchange, query),
    ...parameters.map((name) => parameterText(name, kit.api)),
    ...headers.map(
      (name): Part =>
        ({ headers: fields }) =>
          fields.combined(name) ?? '\0',
    ),
    ...context.flatMap((name, index) => contextPart(name, index, kit)),
  ];
  const api = kit.api.name;
  const { environment } = kit;
  // Other options, or another backend: what was stored under the former ones may mean something else now.
  const version = digest(JSON.stringify([api, environment, config, kit.api.definition]));
  return (exchange, { partition }) => {
    const origin = originOf(exchange);
    let key = `${version}\n${origin}${exchange.path}\n${partition}`;
    // What a field holds may not look like two of them: it has no line breaks.
    for (const part of parts) key += `\n${part(exchange)}`;
    return new RequestPlace(api, environment, origin, key, exchange);
  };
}

/**
 * The host as it was sent, because that is what a backend is told: by another port in it, one caller could have links to
 * nowhere stored for all.
 */
export function originOf({ scheme, headers, host, port }: Exchange): string {
  return `${scheme}://${(headers.get('host') ?? host).toLowerCase()} ${port}`;
}

function chosen({ query }: Exchange, names: readonly string[]): string {
  const values = names.map((name) => query.getAll(name));
  return JSON.stringify(values);
}

function contextPart(name: string, index: number, kit: Kit): Part[] {
  const value = systemValue(name);
  if (value !== undefined) return [(exchange) => JSON.stringify(value(exchange, exchange))];
  kit.problem(['key', 'context', index], `found "${name}"; ${describeAllowed(systemNames, name)}`);
  return [];
}

/** For a store outside: of one length, and without what callers sent. */
export function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}
