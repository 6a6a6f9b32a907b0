import type { Directory, User } from './accounts.ts';
import type { Scope } from './tokens.ts';

/** Why a request for a token is none. */
export class RequestFault extends Error {}

/** What `POST /v3/auth/tokens` asks for. */
export interface TokenRequest {
  readonly methods: readonly string[];
  /** Undefined when the method is not `password`. */
  readonly login: Login | undefined;
  readonly scope: ScopeRequest;
}

/** A user as the caller names it: by id, or by name and domain. */
export interface Login {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly domain: Named | undefined;
  readonly password: string;
}

interface Named {
  readonly id: string | undefined;
  readonly name: string | undefined;
}

interface ScopeRequest {
  readonly domain: Named | undefined;
  readonly project: (Named & { readonly domain: Named | undefined }) | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws RequestFault saying what is missing or of the wrong type, and nothing of what was found */
export function readTokenRequest(bytes: Uint8Array): TokenRequest {
  const auth = required(parse(bytes), 'auth', '');
  const identity = required(auth, 'identity', 'auth');
  const { methods } = identity;
  if (!Array.isArray(methods) || methods.length === 0 || !methods.every((each) => typeof each === 'string'))
    throw new RequestFault('Expecting to find a list of names as methods in auth.identity.');
  const isPassword = methods.length === 1 && methods[0] === 'password';
  const login = isPassword ? readLogin(required(identity, 'password', 'auth.identity')) : undefined;
  return { methods, login, scope: readScope(auth['scope']) };
}

/** The user who is meant; whether it is who asks is another question. */
export function findUser({ id, name, domain }: Login, directory: Directory): User | undefined {
  if (id !== undefined) return directory.byId(id);
  const account = accountOf(domain, directory);
  return account === undefined || name === undefined ? undefined : directory.byName(account, name);
}

/** What the token is for; `refused` when it is an account the user does not belong to. */
export function scopeFor(
  { domain, project }: ScopeRequest,
  user: User,
  directory: Directory,
): Scope | 'refused' {
  const isOwn = (named: Named | undefined): boolean =>
    named === undefined || accountOf(named, directory) === user.account;
  if (!isOwn(domain) || !isOwn(project?.domain)) return 'refused';
  if (domain !== undefined) return 'domain';
  if (project === undefined) return undefined;
  const { id, name } = project;
  return { project: { id: id ?? name ?? '', name: name ?? id ?? '' } };
}

function accountOf(named: Named | undefined, directory: Directory): string | undefined {
  if (named?.id !== undefined) return directory.accountById(named.id);
  return named?.name;
}

function parse(bytes: Uint8Array): Json {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Said below, without the parser's words: they repeat what was sent.
  }
  throw new RequestFault('Expecting to find a JSON object as the body of the request.');
}

function readLogin(method: Json): Login {
  const user = required(method, 'user', 'auth.identity.password');
  const path = 'auth.identity.password.user';
  const { id, name } = readNamed(user, path);
  const domain =
    user['domain'] === undefined ? undefined : readNamed(required(user, 'domain', path), `${path}.domain`);
  if (id === undefined && domain === undefined)
    throw new RequestFault(`Expecting to find domain in ${path}.`);
  const password = text(user, 'password', path);
  if (password === undefined) throw new RequestFault(`Expecting to find password in ${path}.`);
  return { id, name, domain, password };
}

function readScope(scope: unknown): ScopeRequest {
  const nothing = { domain: undefined, project: undefined };
  if (scope === undefined || scope === 'unscoped') return nothing;
  if (!isObject(scope)) throw new RequestFault('Expecting to find an object as scope in auth.');
  const { domain, project } = scope;
  if ((domain === undefined) === (project === undefined))
    throw new RequestFault('Expecting to find either domain or project in auth.scope.');
  if (domain !== undefined)
    return { ...nothing, domain: readNamed(required(scope, 'domain', 'auth.scope'), 'auth.scope.domain') };
  const given = required(scope, 'project', 'auth.scope');
  const path = 'auth.scope.project';
  const owner =
    given['domain'] === undefined ? undefined : readNamed(required(given, 'domain', path), `${path}.domain`);
  return { ...nothing, project: { ...readNamed(given, path), domain: owner } };
}

function readNamed(object: Json, path: string): Named {
  const id = text(object, 'id', path);
  const name = text(object, 'name', path);
  if (id === undefined && name === undefined)
    throw new RequestFault(`Expecting to find id or name in ${path}.`);
  return { id, name };
}

function required(object: Json, key: string, path: string): Json {
  const value = object[key];
  if (isObject(value)) return value;
  throw new RequestFault(`Expecting to find an object as ${key}${path === '' ? '' : ` in ${path}`}.`);
}

/** A text of at most 1024 characters: what it names ends up in a token, which is a header field. */
function text(object: Json, key: string, path: string): string | undefined {
  const value = object[key];
  if (value === undefined) return undefined;
  const longest = key === 'password' ? 1024 : 255;
  if (typeof value === 'string' && value !== '' && value.length <= longest) return value;
  throw new RequestFault(`Expecting to find a text of 1 to ${longest} characters as ${key} in ${path}.`);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
