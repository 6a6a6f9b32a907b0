import { createSecretKey, randomUUID } from 'node:crypto';
import { signClient } from '#sdk/signatures/alibaba';
import { type Method, alibabaSigner } from './method.ts';

const names = ['x-ca-stage'];

/** Signs as an app calling another Alibaba gateway, or an API of this one (reference: multi-level gateway, doc 185117). */
export const alibabaClient: Method = ({ key, secret, algorithm = 'HmacSHA256' }, kit) => {
  const { clock } = kit;
  if (algorithm !== 'HmacSHA256' && algorithm !== 'HmacSHA1') {
    kit.problem(['algorithm'], `found ${algorithm}; alibaba-client signs with HmacSHA256 or HmacSHA1`);
    return () => undefined;
  }
  const prepared = createSecretKey(secret, 'utf8');
  return alibabaSigner(['accept', 'content-type', 'date', ...names], (message, body) =>
    signClient(message, {
      key,
      secret: prepared,
      timestampMs: clock.now(),
      nonce: randomUUID(),
      algorithm,
      names,
      body,
    }),
  );
};
