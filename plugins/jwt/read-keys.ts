import type { Config } from './options.ts';
import { KeySet, keysIn, kidProblem, maxSetBytes } from './key-set.ts';
import type { KeyService } from './fetch-keys.ts';
import { type UnknownJwk, type VerifyingKey, readJwk, readPem } from './keys.ts';

type Report = (path: readonly (string | number)[], message: string) => void;

/** The keys that a configuration has, or where they are; undefined when something is wrong, which is then reported. */
export function readKeys({ keys, jwks, service }: Config, report: Report): KeySet | KeyService | undefined {
  const given = Object.entries({ keys, jwks, service }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  const [first, second] = given;
  if (first === undefined) report([], '"keys" is missing; allowed instead: "jwks", "service"');
  if (second !== undefined) report([second], '"keys", "jwks" and "service" exclude each other');
  if (given.length !== 1) return undefined;
  if (service !== undefined) return readService(service, (message) => report(['service', 'url'], message));
  if (jwks !== undefined) return readJwks(jwks, (message) => report(['jwks'], message));
  const at = (index: number): string[] => (keys?.[index]?.jwk === undefined ? ['pem'] : ['jwk']);
  return keySet((keys ?? []).map(readKey), (index, message) =>
    report(['keys', index, ...at(index)], message),
  );
}

/** Keys by themselves, as a vendor's document has them. */
export function readJwkList(
  list: readonly UnknownJwk[],
  report: (index: number, message: string) => void,
): KeySet | undefined {
  return keySet(list.map(readJwk), report);
}

function readKey({ jwk, pem, kid, alg }: NonNullable<Config['keys']>[number]): VerifyingKey | string {
  if (jwk !== undefined)
    return pem === undefined && kid === undefined && alg === undefined ? readJwk(jwk) : '"jwk" stands alone';
  return pem === undefined ? '"jwk" or "pem" is missing' : readPem(pem, kid, alg);
}

/** A JSON text; keys that say that they are for something else are passed over. */
export function readJwks(text: string, report: (message: string) => void): KeySet | undefined {
  if (Buffer.byteLength(text) > maxSetBytes) {
    report(`it has more than ${maxSetBytes} bytes`);
    return undefined;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below, without the words of the parser: the text may hold a secret.
  }
  const list = keysIn(value)?.filter(({ use }) => use === undefined || use === 'sig');
  if (list !== undefined && list.length > 0)
    return keySet(list.map(readJwk), (index, message) => report(`key ${index}: ${message}`));
  report('it is no JSON Web Key Set, {"keys": [...]}, and no list of keys to verify signatures with');
  return undefined;
}

function keySet(
  read: readonly (VerifyingKey | string)[],
  report: (index: number, message: string) => void,
): KeySet | undefined {
  for (const [index, each] of read.entries()) if (typeof each === 'string') report(index, each);
  const keys = read.filter((each) => typeof each !== 'string');
  if (keys.length < read.length) return undefined;
  const problem = kidProblem(keys);
  if (problem === undefined) return new KeySet(keys);
  report(problem.index, problem.message);
  return undefined;
}

function readService(
  { url, timeoutMs, host }: NonNullable<Config['service']>,
  report: (message: string) => void,
): KeyService | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (
    parsed === undefined ||
    !/^https?:$/.test(parsed.protocol) ||
    parsed.username !== '' ||
    parsed.password !== ''
  ) {
    report(`found "${url}"; allowed: http://host/path or https://host/path, without user and password`);
    return undefined;
  }
  return { url: parsed.href, timeoutMs, host };
}
