import type { Method } from './method.ts';
import { basicRules, checkRules, refuseAlgorithm } from './rules.ts';

/** Names the gateway by key and secret themselves (RFC 7617): nothing of the request is signed. */
export const basic: Method = (config, kit) => {
  checkRules(config, basicRules, kit);
  refuseAlgorithm(config, kit);
  const value = `Basic ${Buffer.from(`${config.key}:${config.secret}`, 'utf8').toString('base64')}`;
  return ({ headers }) => {
    headers.set('Authorization', value);
    return undefined;
  };
};
