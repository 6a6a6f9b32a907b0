import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type PluginTest, VirtualClock, testPlugin } from 'tapgate/sdk/testing';
import { reply } from 'tapgate/sdk';
import plugin from './partner-gate/plugin.ts';
import { sign } from './partner-gate/signature.ts';
import { until } from './support.ts';

const source = new URL('partner-gate/plugin.ts', import.meta.url);
const config = {
  partners: { acme: { secret: 's1' }, other: { secret: 's2' } },
  beta: ['other'],
  greeting: 'hi',
};

for (const place of ['in process', 'in a sandbox']) {
  const sandbox = place === 'in process' ? {} : { sandbox: { source, timeoutMs: 5000 } };
  const start = async (t: TestContext, test: PluginTest = {}) => {
    const gateway = await testPlugin(plugin, { config, ...sandbox, ...test });
    t.after(() => gateway.close());
    return gateway;
  };
  const signed = (partner: string, secret: string, body: string, more: Record<string, string> = {}) => ({
    headers: { 'x-partner': partner, 'x-signature': sign(secret, body), ...more },
    body,
  });

  test(`${place}: a handler answers`, async (t) => {
    const gateway = await start(t, { clock: new VirtualClock(1_700_000_000_000) });
    const answer = await gateway.request('GET', '/ping');
    assert.deepEqual([answer.status, answer.text], [200, 'pong 1700000000000']);
    assert.equal(answer.headers.get('content-type'), 'text/plain');
  });

  test(`${place}: a handler refuses, and response sees the refusal`, async (t) => {
    const gateway = await start(t);
    const answer = await gateway.request('POST', '/a', { headers: { 'x-partner': 'acme' }, body: 'x' });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get('www-authenticate'), 'Partner');
    assert.equal(answer.headers.get('x-refused'), 'not-authenticated');
    assert.match(answer.text, /No such partner/);
    assert.equal(gateway.backendRequests.length, 0);
  });

  test(`${place}: identity, fields, query, content and answer are changed`, async (t) => {
    const gateway = await start(t);
    const more = {
      cookie: 'first=Ann',
      'x-signature-debug': '1',
      authorization: 'Bearer kept',
      'content-type': 'application/x-www-form-urlencoded',
    };
    const answer = await gateway.request('POST', '/a?page=2', signed('acme', 's1', 'word=caf%C3%A9', more));
    assert.equal(answer.status, 203, answer.text);
    const { greeting, ...rest } = answer.json() as { greeting: string; url: string; body: string };
    assert.deepEqual([greeting, rest.url, rest.body], ['hi, Ann', '/v2/a?signed=1', 'word is café']);
    const [seen] = gateway.backendRequests;
    assert.ok(seen !== undefined);
    assert.equal(seen.headers.get('x-seen-by'), 'under-test test/api RELEASE');
    assert.equal(seen.headers.get('x-signature-debug'), undefined);
    assert.equal(seen.headers.get('x-signature'), undefined);
    assert.equal(seen.headers.get('authorization'), 'Bearer kept');
    assert.deepEqual(seen.headers.getAll('x-page'), ['2']);
    assert.equal(seen.headers.get('x-size'), '14');
    assert.deepEqual(gateway.completed[0]?.exchange?.identity, {
      type: 'partner',
      id: 'acme',
      claims: { level: 3 },
    });
  });

  test(`${place}: a backend is chosen`, async (t) => {
    const gateway = await start(t);
    const answer = await gateway.request('POST', '/a', signed('other', 's2', 'x'));
    assert.deepEqual(answer.json(), { backend: 'newer', greeting: 'hi, nobody' });
    assert.equal(gateway.backendRequests.length, 0);
  });

  test(`${place}: an answer is replaced`, async (t) => {
    const gateway = await start(t, { backend: () => reply(200, { 'x-internal': '1' }, 'secret') });
    const answer = await gateway.request('POST', '/a', signed('acme', 's1', 'x'));
    assert.deepEqual([answer.status, answer.text], [502, 'hidden']);
  });

  test(`${place}: completed is told`, async (t) => {
    const gateway = await start(t);
    await gateway.request('POST', '/a', signed('acme', 's1', 'x'));
    const line = await until(() => gateway.log.find((each) => /partner call/.test(JSON.stringify(each))));
    assert.match(JSON.stringify(line), /acme/);
  });

  test(`${place}: what bind reports, and wrong options, refuse the configuration`, async (t) => {
    await assert.rejects(start(t, { config: { ...config, beta: ['acme', 'who'] } }), {
      message: /plugins\.under-test\.config\.beta\[1\]: found who, which is no partner/,
    });
    await assert.rejects(
      start(t, { config: { ...config, ping: 'boo', partners: { A1: { secret: 'x' } } } }),
      {
        message: /ping: found "boo"; allowed: "pong", or "ack"|not a name/,
      },
    );
  });
}

test('in a sandbox: content beyond what the plugin declared is refused before it runs', async (t) => {
  const gateway = await testPlugin(plugin, { config, sandbox: source });
  t.after(() => gateway.close());
  const answer = await gateway.request('POST', '/ping', { body: 'x'.repeat(1001) });
  assert.equal(answer.status, 413);
});
