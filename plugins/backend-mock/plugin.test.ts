import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testPlugin } from '#sdk/testing';
import plugin from './plugin.ts';

async function answerOf(options: object, method = 'GET') {
  const gateway = await testPlugin(plugin, { api: { backend: { type: 'mock', ...options } } });
  const answer = await gateway.request(method, '/any/path?x=1', method === 'POST' ? { body: 'ignored' } : {});
  assert.equal(gateway.backendRequests.length, 0);
  return answer;
}

test('answers 200 with nothing unless told otherwise', async () => {
  const answer = await answerOf({});
  assert.deepEqual([answer.status, answer.text, answer.headers.has('content-type')], [200, '', false]);
});

test('answers with the status, fields and body it is given, whatever is asked', async () => {
  for (const method of ['GET', 'POST']) {
    const answer = await answerOf(
      { status: 404, headers: { 'X-One': '1', 'x-two': 'zwei' }, body: 'no such thing' },
      method,
    );
    assert.deepEqual([answer.status, answer.text], [404, 'no such thing']);
    assert.deepEqual([answer.headers.get('x-one'), answer.headers.get('x-two')], ['1', 'zwei']);
  }
});

test("a 4xx or 5xx of a mock is the backend's answer, not a refusal", async () => {
  const gateway = await testPlugin(plugin, {
    api: { backend: { type: 'mock', status: 500, body: 'as told' } },
  });
  assert.equal((await gateway.request('GET', '/')).text, 'as told');
  assert.equal(gateway.completed[0]?.refusal, undefined);
});

test('the content type follows from the body unless it is given', async () => {
  const cases: [object, string | undefined][] = [
    [{ body: '{"a":1}' }, 'application/json'],
    [{ body: '[]' }, 'application/json'],
    [{ body: 'plain' }, 'text/plain'],
    [{ body: '{"a":' }, 'text/plain'],
    [{ body: '<p>', headers: { 'CONTENT-TYPE': 'text/html' } }, 'text/html'],
    [{ body: '' }, undefined],
  ];
  for (const [options, expected] of cases) {
    assert.equal((await answerOf(options)).headers.get('content-type'), expected, JSON.stringify(options));
  }
});

test('changes of one answer do not show in the next', async () => {
  const gateway = await testPlugin(plugin, { api: { backend: { type: 'mock', headers: { a: 'b' } } } });
  const first = await gateway.request('GET', '/');
  const second = await gateway.request('GET', '/');
  assert.equal(first.headers.getAll('x-request-id').length, 1);
  assert.equal(second.headers.getAll('x-request-id').length, 1);
  assert.notEqual(first.headers.get('x-request-id'), second.headers.get('x-request-id'));
});

test('what cannot be sent is refused at load', async () => {
  const wrong: [object, RegExp][] = [
    [{ status: 199 }, /status: found 199; allowed: a whole number from 200 to 599/],
    [{ status: 'ok' }, /status: found "ok"/],
    [{ headers: { 'a b': 'c' } }, /headers: not a header field name: "a b"/],
    [{ headers: { a: 'b\r\nc: d' } }, /headers: header field a: control characters are not allowed/],
    [{ headers: { a: 1 } }, /headers\.a: found 1; allowed: text; quote it/],
    [{ bdy: '' }, /bdy: unknown field; allowed: status, headers, body; did you mean "body"\?/],
  ];
  for (const [options, expected] of wrong) await assert.rejects(answerOf(options), expected);
});
