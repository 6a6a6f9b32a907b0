import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend } from './support/backend.ts';
import { callerOf } from './support/caller.ts';
import { passTo, startGateway } from './support/gateway.ts';

/** As an operator pastes it. */
const document = {
  parameters: { uid: 'Header:X-User', pathUid: 'Path:userId', plan: 'Query:plan' },
  rules: [
    { name: 'staff', condition: "$uid like 'staff-%'", ifTrue: 'ALLOW' },
    {
      name: 'owner',
      condition: '$uid = $pathUid',
      ifFalse: 'DENY',
      statusCode: 403,
      errorMessage: 'user ${uid} may not read ${pathUid}',
      responseHeaders: { 'Content-Type': 'application/json' },
      responseBody: '{"denied":"${pathUid}"}',
    },
    { name: 'plans', assertParameterName: 'plan', assertInDataset: 'plans' },
  ],
};

test(
  'alibaba/accessControl over sockets: rules in their order, and a data set',
  { timeout: 60_000 },
  async () => {
    await using backend = await httpBackend();
    const api = passTo(backend.port, { request: { path: '/users/{userId}', match: 'exact' } });
    await using running = await startGateway(
      { 'main/api': api },
      {
        root: {
          dataSets: { plans: { type: 'PARAMETER_ACCESS', items: ['gold', 'silver'] } },
          plugins: { own: { type: 'alibaba/accessControl', config: document } },
          bindings: [{ plugin: 'own', apis: ['*'] }],
        },
      },
    );
    await using caller = callerOf('HTTP/1.1', running.port);
    const call = (user: string, path: string) => caller.call('GET', path, { headers: { 'X-User': user } });
    assert.equal((await call('alice', '/users/alice?plan=gold')).text, 'ok');
    assert.equal((await call('staff-7', '/users/alice?plan=none')).text, 'ok');
    const denied = await call('bob', '/users/alice?plan=gold');
    assert.deepEqual(
      [denied.status, denied.get('x-ca-error-message'), denied.get('content-type'), denied.text],
      [403, 'user bob may not read alice', 'application/json', '{"denied":"alice"}'],
    );
    assert.equal((await call('alice', '/users/alice?plan=iron')).status, 403);
    assert.equal(backend.seen.length, 2);
  },
);
