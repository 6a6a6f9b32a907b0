// What a decision of a custom authorizer costs that is kept already: `node test/bench/authorizer-decision.ts`.
import { type Exchange, Fields, type GatewayFunction } from '#sdk';
import { Authorizer } from '../../plugins/auth-custom/authorizer.ts';
import { VerdictCache } from '../../plugins/auth-custom/cache.ts';
import { compileIdentities } from '../../plugins/auth-custom/identities.ts';
import type { AuthorizerOptions } from '../../plugins/auth-custom/options.ts';

const decisions = 200_000;
const tokens = 1000;
const options: AuthorizerOptions = {
  type: 'frontend',
  function: 'check',
  identities: [{ in: 'header', name: 'x-token', validation: '[A-Za-z0-9._-]+' }],
  cacheSeconds: 3600,
  needBody: false,
  base64Body: true,
  retries: 0,
  relaxed: false,
  allowNumbersAndBooleans: false,
};
let calls = 0;
const called: GatewayFunction = {
  name: 'check',
  timeoutMs: 1000,
  version: '1',
  invoke() {
    calls += 1;
    const body = '{"status":"allow","context":{"user":"alice"}}';
    return Promise.resolve({ value: { statusCode: 200, body } });
  },
};
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const gate = new Authorizer({
  name: 'token',
  options,
  called,
  identities: compileIdentities(options.identities, [], () => undefined),
  cache: new VerdictCache(3_600_000),
  log: silent,
  clock: { now: () => Date.now() },
}).gate(
  {
    name: 'store/private',
    group: { name: 'store', hosts: [], definition: {} },
    request: { method: 'GET', path: '/', match: 'exact' },
    definition: {},
  },
  'RELEASE',
);
/** As much of a request as a decision that is kept looks at, and the event of one that is not. */
function requestWith(token: string): Exchange {
  const names = ['Host', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language', 'X-Token'];
  const headers = new Fields(names.flatMap((name) => [name, name === 'X-Token' ? token : 'something']));
  const parts = { headers, method: 'GET', path: '/', rawQuery: '', requestId: 'r', host: 'store', port: 80 };
  const rest = { scheme: 'http', clientAddress: '192.0.2.1', environment: 'RELEASE', pathValues: new Map() };
  return { ...parts, ...rest, api: { name: 'store/private', definition: {} } } as unknown as Exchange;
}
const requests = Array.from({ length: tokens }, (_, index) => requestWith(`${'t'.repeat(200)}${index}`));
for (const request of requests) await gate(request);
for (let round = 1; round <= 5; round += 1) {
  const before = performance.now();
  let allowed = 0;
  for (let turn = 0; turn < decisions; turn += 1) {
    const verdict = gate(requests[turn % tokens] ?? requestWith(''));
    if (!(verdict instanceof Promise) && verdict.refusal === undefined) allowed += 1;
  }
  const us = ((performance.now() - before) * 1000) / decisions;
  console.log(
    `${us.toFixed(2)} us a decision, ${allowed} of ${decisions} allowed, ${calls} calls of the function`,
  );
}
