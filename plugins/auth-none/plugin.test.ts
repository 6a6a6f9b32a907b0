import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway, testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

test('everybody gets through, and nobody is identified', async () => {
  const gateway = await testPlugin(plugin, { api: { auth: 'none' } });
  assert.equal((await gateway.request('GET', '/')).status, 200);
  const [notice] = gateway.completed;
  assert.equal(notice?.exchange?.identity, null);
});

test('it may be written with its type, and takes no options', async () => {
  const gateway = await testPlugin(plugin, { api: { auth: { type: 'none' } } });
  assert.equal((await gateway.request('GET', '/')).status, 200);
  await assert.rejects(
    testPlugin(plugin, { api: { auth: { type: 'none', realm: 'x' } } }),
    /apis\.test\/api\.auth\.realm: unknown field; nothing is allowed here/,
  );
});

test('an API that does not say it is refused', async () => {
  const api = { request: { method: 'GET', path: '/' }, backend: { type: 'mock' } };
  const config = { groups: { g: { domains: ['*'] } }, apis: { 'g/a': api } };
  await assert.rejects(testGateway({ config }), /apis\.g\/a: "auth" is missing/);
});
