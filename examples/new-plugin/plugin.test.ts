import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPlugin } from 'tapgate/sdk/testing';
import plugin from './plugin.ts';

test('new-plugin: a request with the field reaches the backend, and its answer is marked', async () => {
  const gateway = await testPlugin(plugin, { config: { mark: 'hello' } });
  const answer = await gateway.request('GET', '/', { headers: { 'x-caller': 'me' } });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-mark'), 'hello');
  assert.equal(gateway.backendRequests.length, 1);
});

test('new-plugin: a request without the field is refused, and reaches nobody', async () => {
  const gateway = await testPlugin(plugin, { config: { required: 'x-other' } });
  const answer = await gateway.request('GET', '/', { headers: { 'x-caller': 'me' } });
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get('x-mark'), 'seen');
  assert.equal(gateway.backendRequests.length, 0);
});

test('new-plugin: an option that cannot work refuses the configuration', async () => {
  await assert.rejects(
    testPlugin(plugin, { config: { required: 'Host' } }),
    /required: every request has Host/,
  );
});
