import { type UnknownJwk, type VerifyingKey, isForOther, readJwk } from './keys.ts';

/** The vendor's limit of a key set, in bytes. */
export const maxSetBytes = 51_200;
const maxKeys = 100;

/** The keys in force at a time. */
export class KeySet {
  readonly #byKid = new Map<string, VerifyingKey>();
  readonly #all: ReadonlySet<VerifyingKey>;
  readonly #lone: VerifyingKey | undefined;

  /** @param keys have different kids; only one that is alone may have none */
  constructor(keys: readonly VerifyingKey[]) {
    this.#all = new Set(keys);
    this.#lone = keys.length === 1 ? keys[0] : undefined;
    for (const key of keys) if (key.kid !== undefined) this.#byKid.set(key.kid, key);
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether the key still counts. */
  has(key: VerifyingKey): boolean {
    return this.#all.has(key);
  }

  /** The key that a token names. A token may name none where there is one key, and a key without a name is any token's. */
  select(kid: string | undefined): VerifyingKey | undefined {
    const lone = this.#lone;
    if (lone !== undefined && (kid === undefined || lone.kid === undefined)) return lone;
    return kid === undefined ? undefined : this.#byKid.get(kid);
  }

  /** The same keys as objects of `before`, where they were in it. */
  like(before: KeySet): KeySet {
    const known = new Map([...before.#all].map((key) => [key.fingerprint, key]));
    return new KeySet([...this.#all].map((key) => known.get(key.fingerprint) ?? key));
  }
}

/** What is wrong with the names of the keys, and with which; undefined when nothing is. */
export function kidProblem(
  keys: readonly VerifyingKey[],
): { readonly index: number; readonly message: string } | undefined {
  const first = new Map<string, number>();
  for (const [index, { kid }] of keys.entries()) {
    if (kid === undefined) {
      if (keys.length > 1) return { index, message: 'of several keys each needs a "kid"' };
      continue;
    }
    if (first.has(kid)) return { index, message: `key ${first.get(kid)} has the same "kid"` };
    first.set(kid, index);
  }
  return undefined;
}

/** The keys of `{keys: [...]}` or of a plain list; undefined when it is neither. */
export function keysIn(value: unknown): readonly UnknownJwk[] | undefined {
  const list: unknown = Array.isArray(value)
    ? value
    : typeof value === 'object' && value !== null && 'keys' in value
      ? value.keys
      : undefined;
  if (!Array.isArray(list) || list.length > maxKeys) return undefined;
  const isKey = (each: unknown): each is UnknownJwk =>
    typeof each === 'object' && each !== null && !Array.isArray(each);
  return list.every(isKey) ? list : undefined;
}

/**
 * Reads a key set that a server answered. Keys for something else, and those of kinds that are not known here, are passed over
 * (RFC 7517 section 5), as are secrets: who can read them could sign. Answers what is wrong with it otherwise.
 */
export function readAnswer(text: string): KeySet | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'the answer is no JSON';
  }
  const listed = keysIn(value);
  if (listed === undefined) return `the answer is no list of at most ${maxKeys} keys`;
  const keys = listed
    .filter((each) => each['kty'] !== 'oct' && !isForOther(each))
    .map(readJwk)
    .filter((each) => typeof each !== 'string');
  if (keys.length === 0) return 'the answer has no key that can be used';
  const problem = kidProblem(keys);
  return problem === undefined ? new KeySet(keys) : `key ${problem.index}: ${problem.message}`;
}
