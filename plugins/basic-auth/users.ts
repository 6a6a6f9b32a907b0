import { createHmac, randomBytes } from 'node:crypto';
import type { DataSet } from '#sdk';
import type { Credentials } from './credentials.ts';
import type { HashChecks, Verdict } from './hash-checks.ts';
import type { ScryptHash } from './scrypt-hash.ts';

/** Who may call, and with what. */
export class Users {
  readonly #key = randomBytes(32);
  /** Under a keyed hash of name and password, so that how long a look-up takes tells nothing of either. */
  readonly #plain = new Map<string, { readonly item: string | undefined }>();
  readonly #hashed = new Map<string, ScryptHash>();
  readonly #checks: HashChecks;
  readonly #set: DataSet | undefined;

  /** @param set further users, whose items may expire */
  constructor(checks: HashChecks, set: DataSet | undefined) {
    this.#checks = checks;
    this.#set = set;
    for (const item of set?.items() ?? []) {
      const normal = item.normalize('NFC');
      const colon = normal.indexOf(':');
      const credentials = { name: normal.slice(0, colon), password: normal.slice(colon + 1) };
      this.#plain.set(this.#digest(credentials), { item });
    }
  }

  addPlain(credentials: Credentials): void {
    this.#plain.set(this.#digest(credentials), { item: undefined });
  }

  addHashed(name: string, hash: ScryptHash): void {
    this.#hashed.set(name, hash);
  }

  /** Whether they are right. */
  check(credentials: Credentials): Verdict | Promise<Verdict> {
    const plain = this.#plain.size === 0 ? undefined : this.#plain.get(this.#digest(credentials));
    if (plain !== undefined && (plain.item === undefined || this.#set?.has(plain.item) === true))
      return 'right';
    const hash = this.#hashed.get(credentials.name) ?? this.#decoy();
    if (hash === undefined) return 'wrong';
    return this.#checks.check(credentials.name, credentials.password, hash);
  }

  /** Where there are hashes, a name that is none takes as long as one that is; the check of it cannot come out right. */
  #decoy(): ScryptHash | undefined {
    const [first] = this.#hashed.values();
    return first === undefined ? undefined : { ...first, text: `${first.text}\0`, hash: unreachable(first) };
  }

  #digest({ name, password }: Credentials): string {
    return createHmac('sha256', this.#key).update(`${name}:${password}`).digest('base64');
  }
}

const decoys = new WeakMap<ScryptHash, Buffer>();

/** As long as the hash, and of no password that anybody could find. */
function unreachable(hash: ScryptHash): Buffer {
  const bytes = decoys.get(hash) ?? randomBytes(hash.hash.length);
  decoys.set(hash, bytes);
  return bytes;
}
