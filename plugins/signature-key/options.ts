import { Type } from '#sdk';

/** For the methods of Alibaba. */
export const algorithms = ['HmacSHA256', 'HmacSHA1'] as const;

/** For `aes`. */
export const ciphers = ['aes-128-cfb', 'aes-256-cfb'] as const;

/** Vendors' documents often have it as a bare number. */
export const KeySchema = Type.Union(
  [
    Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' }),
    Type.Integer({ minimum: 0, maximum: 9007199254740991 }),
  ],
  { description: 'Names the secret to the other side: 1 to 200 visible ASCII characters.' },
);
