import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { suite, test } from 'node:test';
import type { PluginDefinition } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { configWith, routed } from './testing.ts';

suite('a field of the form', () => {
  const document = `parameters: { kind: 'Form:kind' }
routes: [{ name: a, condition: "$kind = 'a b'", backend: {path: /p} }]`;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test('routes, and the body is passed on', async () => {
    const gateway = await routed(document);
    await gateway.request('POST', '/x', { headers: form, body: 'x=1&kind=a+b&kind=c' });
    await gateway.request('POST', '/x', { headers: form, body: 'x=1&kind=c' });
    await gateway.request('POST', '/x', { body: 'kind=a+b' });
    await gateway.request('POST', '/x?kind=a+b', { headers: form });
    assert.deepEqual(
      gateway.backendRequests.map(({ path, body }) => [path, body.toString()]),
      [
        ['/p', 'x=1&kind=a+b&kind=c'],
        ['/own', 'x=1&kind=c'],
        ['/own', 'kind=a+b'],
        ['/own', ''],
      ],
    );
  });

  test('of a body that is too large is refused', async () => {
    const config = configWith(document).replace('match: prefix', 'match: prefix, maxBodyBytes: 4');
    const gateway = await testGateway({ config });
    assert.equal((await gateway.request('POST', '/x', { headers: form, body: 'kind=a+b' })).status, 413);
    assert.equal(gateway.backendRequests.length, 0);
  });
});

/** The plugin, with what its handler gave and how many promises were made while it ran. */
function watched(seen: { value: unknown; promises: number }[]): PluginDefinition {
  const bind: PluginDefinition['bind'] = (config, kit) => {
    const route = plugin.bind?.(config as never, kit).backendRouting;
    assert.ok(typeof route === 'function');
    return {
      backendRouting(exchange) {
        let promises = 0;
        const hook = createHook({
          init: (_id, type) => void (promises += type === 'PROMISE' ? 1 : 0),
        }).enable();
        const value = route(exchange);
        hook.disable();
        seen.push({ value, promises });
        return value;
      },
    };
  };
  return { ...plugin, bind };
}

test('a promise is made for a form that is used, and for nothing else', async () => {
  const seen: { value: unknown; promises: number }[] = [];
  const document = `parameters: { ff: 'Form:f', qq: 'Query:q', xx: 'XFF:-1', hh: 'Host:0' }
routes:
  - { name: a, condition: "$qq = '1' and $xx in_cidr '10.0.0.0/8' and $hh = null", backend: {path: /p} }
  - { name: b, condition: "$qq = '2'", backend: {type: HTTP-VPC, vpcAccessName: x} }
`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': '10.1.1.1' };
  const send = (gateway: TestGateway, query: string) =>
    gateway.request('POST', `http://shop.example/x?${query}`, { headers, body: 'f=1' });
  const without = await testGateway({ config: configWith(document), plugins: [watched(seen)] });
  for (const query of ['q=1', 'q=2', 'q=3']) await send(without, query);
  assert.deepEqual(
    seen.map(({ promises }) => promises),
    [0, 0, 0],
  );
  assert.deepEqual(
    seen.map(({ value }) => value instanceof Promise),
    [false, false, false],
  );
  assert.ok(without.backendRequests.some(({ path }) => path === '/p'));
  const used = document.replace("$qq = '1' and", "$ff = '1' and $qq = '1' and");
  const withForm = await testGateway({ config: configWith(used), plugins: [watched(seen)] });
  await send(withForm, 'q=1');
  assert.ok(seen.at(-1)?.value instanceof Promise);
  assert.equal(withForm.backendRequests[0]?.path, '/p');
});
