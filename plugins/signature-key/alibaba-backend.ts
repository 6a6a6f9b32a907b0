import { createSecretKey } from 'node:crypto';
import { signBackend } from '#sdk/signatures/alibaba-backend';
import { type Method, alibabaSigner } from './method.ts';

// What a server between the gateway and the backend may rewrite, such as X-Forwarded-For, is not among them.
const names = ['content-type', 'date', 'x-ca-proxy-signature-secret-key', 'x-ca-request-id', 'x-ca-stage'];

/** Signs so that a backend knows the gateway (reference: backend signature plug-in, doc 170128). */
export const alibabaBackend: Method = ({ key, secret, algorithm }, kit) => {
  if (algorithm !== undefined && algorithm !== 'HmacSHA256')
    kit.problem(['algorithm'], 'alibaba-backend signs with HmacSHA256 only');
  const prepared = createSecretKey(secret, 'utf8');
  return alibabaSigner(names, (message, body) =>
    signBackend(message, { key, secret: prepared, names, body }),
  );
};
