import { createSecretKey } from 'node:crypto';
import { signHuawei } from '#sdk/signatures/huawei-sign';
import { huaweiSigner, signedNames } from './huawei.ts';
import type { Method } from './method.ts';
import { checkRules, hmacRules, refuseAlgorithm } from './rules.ts';

/** Signs by SDK-HMAC-SHA256, as an app that calls a Huawei gateway does (reference 1.1 and 1.2). */
export const hmac: Method = (config, kit) => {
  checkRules(config, hmacRules, kit);
  refuseAlgorithm(config, kit);
  const { key } = config;
  const { clock } = kit;
  const secret = createSecretKey(config.secret, 'utf8');
  return huaweiSigner((message, payload, host) =>
    signHuawei(message, payload, { key, secret, timestampMs: clock.now(), host, names: signedNames }),
  );
};
