import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts what leaves the process, so that whoever holds it can neither read nor change it (AES-256-GCM). */
export class Sealer {
  readonly #key: Uint8Array;

  /** @param purpose what is sealed for one purpose opens for no other */
  constructor(secret: string, purpose: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, 'tapgate oidc', purpose, 32));
  }

  /** @param place where it is kept: it opens nowhere else */
  seal(value: unknown, place: string): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place));
    const content = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), content]);
  }

  /** Undefined for everything that `seal` did not make for this place. */
  open(sealed: Uint8Array, place: string): unknown {
    if (sealed.length <= nonceBytes + tagBytes) return undefined;
    const nonce = sealed.subarray(0, nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: tagBytes })
      .setAAD(Buffer.from(place))
      .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      const content = decipher.update(sealed.subarray(nonceBytes + tagBytes));
      return JSON.parse(Buffer.concat([content, decipher.final()]).toString('utf8'));
    } catch {
      return undefined;
    }
  }
}
