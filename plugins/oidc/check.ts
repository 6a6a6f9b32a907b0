import { createPublicKey } from 'node:crypto';
import { type Api, type Kit, describeAllowed, perConnectionFields } from '#sdk';
import type { Config } from './options.ts';
import type { Paths } from './party.ts';
import { isSecureEnough } from './provider.ts';

type Problem = Kit['problem'];

/** Reports what the schema cannot say. */
export function check(config: Config, problem: Problem): void {
  const { discovery, issuer, allowInsecure, scope, publicKey, claims, idTokenHeader } = config;
  if (!isSecureEnough(discovery, allowInsecure))
    problem(
      ['discovery'],
      `found "${discovery}"; allowed: an https:// address, one of this machine, or any with allowInsecure`,
    );
  if (
    discovery.includes('/.well-known/') &&
    !discovery.endsWith('/.well-known/openid-configuration') &&
    issuer === undefined
  )
    problem(['discovery'], '"issuer" is missing: this address does not tell it');
  if (!scope.split(' ').includes('openid'))
    problem(['scope'], `found "${scope}"; "openid" must be part of it`);
  if (publicKey !== undefined && !isPublicKey(publicKey))
    problem(['publicKey'], 'it must be a public key of RSA, an elliptic curve or Ed25519, in PEM');
  const reserved = new Set([...perConnectionFields, 'authorization', 'content-length', 'cookie', 'host']);
  for (const [index, { header }] of claims.entries())
    if (reserved.has(header.toLowerCase()))
      problem(['claims', index, 'header'], `found "${header}"; allowed: a field that means nothing else`);
  if (idTokenHeader !== undefined && reserved.has(idTokenHeader.toLowerCase()))
    problem(['idTokenHeader'], `found "${idTokenHeader}"; allowed: a field that means nothing else`);
}

/** Whether it is one that can verify what the provider signed. */
export function isPublicKey(pem: string): boolean {
  try {
    return (
      /PUBLIC KEY/.test(pem) &&
      ['rsa', 'rsa-pss', 'ec', 'ed25519'].includes(createPublicKey(pem).asymmetricKeyType ?? '')
    );
  } catch {
    return false;
  }
}

/** Where the provider sends browsers back, and where they sign out. Undefined when that is not right, which is then a problem. */
export function pathsOf(
  config: Config,
  api: Api,
  apis: ReadonlyMap<string, Api>,
  problem: Problem,
): Paths | undefined {
  const { callbackApi, callbackPath, logoutApi, logoutPath } = config;
  if ((callbackApi === undefined) === (callbackPath === undefined)) {
    problem([], 'one of "callbackApi" and "callbackPath" must be there');
    return undefined;
  }
  if (logoutApi !== undefined && logoutPath !== undefined) {
    problem([], 'only one of "logoutApi" and "logoutPath" may be there');
    return undefined;
  }
  const callback = callbackPath ?? pathOf(callbackApi ?? '', api, apis, problem);
  const logout = logoutApi === undefined ? logoutPath : pathOf(logoutApi, api, apis, problem);
  if (callback === undefined || (logoutApi !== undefined && logout === undefined)) return undefined;
  if (callback !== logout) return { callback, logout };
  problem([], `signing in and signing out have the same path, ${callback}`);
  return undefined;
}

function pathOf(
  name: string,
  { group }: Api,
  apis: ReadonlyMap<string, Api>,
  problem: Problem,
): string | undefined {
  const found = apis.get(name);
  const wrong =
    found === undefined
      ? `there is no API "${name}"; ${describeAllowed(apis.keys(), name)}`
      : wrongIn(found, group.name);
  // In the words of no dialect.
  if (wrong !== undefined) problem([], wrong);
  return wrong === undefined ? found?.request.path : undefined;
}

function wrongIn({ name, group, request, definition }: Api, own: string): string | undefined {
  const { method, path, match } = request;
  // Cookies are a domain's own.
  if (group.name !== own) return `the API "${name}" is not of the group "${own}", which this is bound to`;
  if (definition['auth'] !== 'none') return `the API "${name}" must have auth: none, as browsers call it`;
  if (method !== 'GET' && method !== 'ANY') return `the API "${name}" takes ${method}; allowed: GET, ANY`;
  if (match !== 'exact' || path.includes('{')) return `the API "${name}" must have one path, matched exactly`;
  return undefined;
}
