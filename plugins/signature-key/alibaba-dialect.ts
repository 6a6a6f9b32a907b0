import { OneOf, Options, Secret, defineDialect } from '#sdk';
import type { SignatureConfig } from './method.ts';
import { KeySchema, algorithms } from './options.ts';

const Document = Options({
  type: OneOf(['APIGW_FRONTEND', 'APIGW_BACKEND'], {
    description:
      'FRONTEND signs as an app calling another gateway, BACKEND so that the backend knows this one.',
  }),
  key: KeySchema,
  secret: Secret({ minLength: 1, maxLength: 200 }),
  signatureMethod: OneOf(algorithms, { default: 'HmacSHA256' }),
});

/** Alibaba's backend signature plug-in (doc 170128). */
export const backendSignature = defineDialect(Document, (document, problem): SignatureConfig => {
  const { type, secret, signatureMethod: algorithm } = document;
  const key = String(document.key);
  if (type === 'APIGW_FRONTEND') return { method: 'alibaba-client', key, secret, algorithm };
  if (!/^[A-Za-z][A-Za-z0-9_]{5,19}$/.test(key)) {
    problem(['key'], 'the key of APIGW_BACKEND is 6 to 20 letters, digits and underscores, a letter first');
  }
  if (secret.length < 6 || secret.length > 30) {
    problem(['secret'], `found ${secret.length} characters; the secret of APIGW_BACKEND has 6 to 30`);
  }
  if (algorithm !== 'HmacSHA256') {
    problem(['signatureMethod'], 'APIGW_BACKEND signs with HmacSHA256 only; HmacSHA1 is for APIGW_FRONTEND');
  }
  return { method: 'alibaba-backend', key, secret, algorithm };
});
