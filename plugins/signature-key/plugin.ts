import { OneOf, Options, Secret, type Static, definePlugin } from '#sdk';
import { alibabaBackend } from './alibaba-backend.ts';
import { alibabaClient } from './alibaba-client.ts';
import { backendSignature } from './alibaba-dialect.ts';
import { KeySchema, algorithms } from './options.ts';

const methods = { 'alibaba-client': alibabaClient, 'alibaba-backend': alibabaBackend } as const;

const Config = Options({
  method: OneOf(Object.keys(methods) as (keyof typeof methods)[], {
    description: 'Whose signature to make.',
  }),
  key: KeySchema,
  secret: Secret({ minLength: 1, maxLength: 200 }),
  algorithm: OneOf(algorithms, { default: 'HmacSHA256' }),
});

export default definePlugin({
  name: 'signature-key',
  summary: 'Signs requests to the backend with a key and secret that both sides know.',
  config: Config,
  dialects: { 'alibaba/backendSignature': backendSignature },
  bind(config: Static<typeof Config>, kit) {
    return {
      backendSigning: methods[config.method]({ ...config, key: String(config.key) }, kit),
      // Never the secret.
      describe: () => [`signs with the method ${config.method} and the key ${config.key}`],
    };
  },
});
