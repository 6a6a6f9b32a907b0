import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Hooks, definePlugin, refuse, reply } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';

function gatewayOf(first: Hooks, second: Hooks): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock', body: 'x' } },
      },
      plugins: { one: { type: 'first' }, two: { type: 'second' } },
      bindings: [
        { plugin: 'one', apis: ['*'] },
        { plugin: 'two', apis: ['*'] },
      ],
    },
    plugins: [
      definePlugin({ name: 'first', summary: 'Bound first.', bind: () => first }),
      definePlugin({ name: 'second', summary: 'Bound second.', bind: () => second }),
    ],
  });
}

test('finish runs after response, in the reverse order of the bindings', async () => {
  const order: string[] = [];
  const note = (name: string): Hooks => ({
    response() {
      order.push(`${name} response`);
      return undefined;
    },
    finish() {
      order.push(`${name} finish`);
    },
  });
  const gateway = await gatewayOf(note('first'), note('second'));
  await gateway.request('GET', '/');
  assert.deepEqual(order, ['second response', 'first response', 'second finish', 'first finish']);
});

test('finish sees the answer that leaves: one that response gave instead, and one that its fault became', async () => {
  const seen: (string | number | undefined)[] = [];
  const look: Hooks = {
    finish({ status, refusal, hasBody }) {
      seen.push(status, refusal?.kind, String(hasBody));
    },
  };
  const replaced = await gatewayOf(look, { response: () => reply(299, {}, 'y') });
  assert.equal((await replaced.request('GET', '/')).status, 299);
  const failed = await gatewayOf(look, {
    response() {
      throw new Error('a defect');
    },
  });
  assert.equal((await failed.request('GET', '/')).status, 500);
  const refused = await gatewayOf(look, { preAuth: () => refuse('access-denied') });
  assert.equal((await refused.request('GET', '/')).status, 403);
  const expected = [299, undefined, 'true', 500, 'internal', 'false', 403, 'access-denied', 'false'];
  assert.deepEqual(seen, expected);
});

test('a defect in finish is logged; the others run and the answer leaves', async () => {
  const defect: Hooks = {
    finish() {
      throw new Error('a defect');
    },
  };
  const gateway = await gatewayOf({ finish: ({ headers }) => headers.set('x-first', 'ran') }, defect);
  const answer = await gateway.request('GET', '/');
  assert.deepEqual([answer.status, answer.text, answer.headers.get('x-first')], [200, 'x', 'ran']);
  const [line] = gateway.log.filter(({ message }) => message === 'a plugin failed');
  assert.equal(line?.fields['plugin'], 'second');
  assert.equal(line?.fields['hook'], 'finish');
});

test('finish must be a function', async () => {
  const wrong = { finish: 'no' } as unknown as Hooks;
  await assert.rejects(gatewayOf(wrong, {}), /"finish" must be a function/);
});
