import type { Kit } from '#sdk';
import type { SignatureConfig } from './method.ts';

/** What one half of a key may look like. */
interface Rule {
  readonly pattern: RegExp;
  readonly allowed: string;
}

/** What key and secret of a method must look like (reference 1.2). */
export interface Rules {
  readonly key: Rule;
  readonly secret: Rule;
}

const secretChars = 'letters, digits and _ - ! @ # $ %';

export const hmacRules: Rules = {
  key: {
    pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{7,31}$/,
    allowed: '8 to 32 letters, digits, _ and -, a letter or digit first',
  },
  secret: { pattern: /^[A-Za-z0-9_\-!@#$%]{16,64}$/, allowed: `16 to 64 ${secretChars}` },
};

export const basicRules: Rules = {
  key: {
    pattern: /^[A-Za-z][A-Za-z0-9_-]{3,31}$/,
    allowed: '4 to 32 letters, digits, _ and -, a letter first',
  },
  secret: { pattern: /^[A-Za-z0-9_\-!@#$%]{8,64}$/, allowed: `8 to 64 ${secretChars}` },
};

export const aesRules: Rules = {
  key: {
    pattern: /^(?:[\x21-\x7e]{16}|[\x21-\x7e]{32})$/,
    allowed: '16 (aes-128-cfb) or 32 (aes-256-cfb) visible ASCII characters',
  },
  secret: {
    pattern: /^[\x21-\x7e]{16}$/,
    allowed: '16 visible ASCII characters, which are the initialisation vector',
  },
};

/** Reports what is wrong with a key. Neither half is shown: with `aes` both are secret. */
export function checkRules(
  { method, key, secret }: SignatureConfig,
  rules: Rules,
  kit: Pick<Kit, 'problem'>,
): void {
  if (!rules.key.pattern.test(key)) kit.problem(['key'], `the key of ${method} is ${rules.key.allowed}`);
  if (rules.secret.pattern.test(secret)) return;
  const found = `found ${secret.length} characters`;
  kit.problem(['secret'], `${found}; the secret of ${method} is ${rules.secret.allowed}`);
}

/** Reports an `algorithm` where the method leaves no choice, lest somebody believe in it. */
export function refuseAlgorithm({ method, algorithm }: SignatureConfig, kit: Pick<Kit, 'problem'>): void {
  if (algorithm === undefined) return;
  kit.problem(['algorithm'], `${method} has no choice of algorithms; leave this field out`);
}
