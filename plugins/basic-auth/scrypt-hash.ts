import { scrypt } from 'node:crypto';

/** A password that was hashed, in PHC notation. */
export interface ScryptHash {
  readonly text: string;
  readonly salt: Buffer;
  readonly hash: Buffer;
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

const form =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
/** Of one check, in bytes. */
const maxMemory = 128 * 1024 * 1024;
const leastLogCost = 10;

/** Reads `$scrypt$ln=15,r=8,p=1$SALT$HASH` (base64 without padding); says what is wrong with it otherwise, and nothing of it. */
export function readScryptHash(text: string): ScryptHash | string {
  const [, ln = '', r = '', p = '', salt = '', hash = ''] = form.exec(text) ?? [];
  if (ln === '') return 'it is not of the form $scrypt$ln=15,r=8,p=1$SALT$HASH';
  const [cost, blockSize, parallelization] = [2 ** Number(ln), Number(r), Number(p)];
  if (Number(ln) < leastLogCost) return `ln is at least ${leastLogCost}`;
  if (blockSize < 1 || parallelization < 1 || parallelization > 16) return 'r is at least 1, p is 1 to 16';
  if (128 * cost * blockSize > maxMemory) return `ln and r need more than ${maxMemory >> 20} MiB`;
  return {
    text,
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
    cost,
    blockSize,
    parallelization,
  };
}

/** Hashes a password in the same way, in a thread. */
export function derive(
  password: string,
  { salt, hash, cost, blockSize, parallelization }: ScryptHash,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem: 2 * maxMemory };
    scrypt(password, salt, hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}
