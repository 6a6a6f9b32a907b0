import { createCipheriv, createSecretKey, hash } from 'node:crypto';
import { canonicalOutgoing } from '#sdk/signatures/huawei-sign';
import { huaweiSigner, signedNames } from './huawei.ts';
import type { Method } from './method.ts';
import { aesRules, checkRules } from './rules.ts';

/**
 * Encrypts the SHA-256 of the canonical request of SDK-HMAC-SHA256 with key and initialisation vector (`secret`).
 *
 * The vendor documents no layout. The bare digest is what is encrypted, and nothing before it: with a vector that never
 * changes, a first block that is always the same would give away the key stream of the second.
 */
export const aes: Method = (config, kit) => {
  checkRules(config, aesRules, kit);
  const { clock } = kit;
  const cipher = config.key.length === 32 ? 'aes-256-cfb' : 'aes-128-cfb';
  const { algorithm = cipher } = config;
  if (algorithm !== cipher && aesRules.key.pattern.test(config.key)) {
    const message = `found ${algorithm}; a key of ${config.key.length} characters is one of ${cipher}`;
    kit.problem(['algorithm'], message);
  }
  const key = createSecretKey(config.key, 'latin1');
  const vector = Buffer.from(config.secret, 'latin1');
  return huaweiSigner((message, payload, host) => {
    const names = { timestampMs: clock.now(), host, names: signedNames };
    const canonical = canonicalOutgoing(message, payload, names);
    if (canonical === undefined) return undefined;
    const { text, signedHeaders, fields } = canonical;
    const encryption = createCipheriv(cipher, key, vector);
    const digest = hash('sha256', text, 'buffer');
    const signature = encryption.update(digest, undefined, 'hex') + encryption.final('hex');
    const value = `${cipher.toUpperCase()} SignedHeaders=${signedHeaders}, Signature=${signature}`;
    fields.push(['Authorization', value]);
    return fields;
  });
};
