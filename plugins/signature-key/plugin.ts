import { OneOf, Options, Secret, type Static, Type, definePlugin } from '#sdk';
import { aes } from './aes.ts';
import { alibabaBackend } from './alibaba-backend.ts';
import { alibabaClient } from './alibaba-client.ts';
import { backendSignature } from './alibaba-dialect.ts';
import { basic } from './basic.ts';
import { hmac } from './hmac.ts';
import { KeySchema, algorithms, ciphers } from './options.ts';

const methods = {
  hmac,
  basic,
  aes,
  'alibaba-client': alibabaClient,
  'alibaba-backend': alibabaBackend,
} as const;

const Config = Options({
  method: OneOf(Object.keys(methods) as (keyof typeof methods)[], {
    description: 'Whose signature to make.',
  }),
  // With `aes` it is what encrypts.
  key: { ...KeySchema, secret: true },
  secret: Secret({ minLength: 1, maxLength: 200 }),
  algorithm: Type.Optional(
    OneOf([...algorithms, ...ciphers], {
      description:
        'Of `alibaba-client` (HmacSHA256 unless given) and `aes` (the one that the key is long enough for).',
    }),
  ),
});

export default definePlugin({
  name: 'signature-key',
  summary: 'Signs requests to the backend with a key and secret that both sides know.',
  config: Config,
  dialects: { 'alibaba/backendSignature': backendSignature },
  bind(config: Static<typeof Config>, kit) {
    return {
      // Whatever else changes the request comes first, wherever it is bound.
      backendSigning: {
        stage: 'sign',
        handle: methods[config.method]({ ...config, key: String(config.key) }, kit),
      },
      // Never the secret, which with `aes` the key is too.
      describe: () => [
        `signs with the method ${config.method}${config.method === 'aes' ? '' : ` and the key ${config.key}`}`,
      ],
    };
  },
});
