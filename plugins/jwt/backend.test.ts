import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoed, gatewayOf, outcome, sign, usual } from './testing.ts';

const claims = { ...usual, admin: true, level: 7, roles: ['a', 'b'], name: 'Zoë', none: null };

test('claims go into header fields, and replace what the caller sent there', async (t) => {
  const rules = ['sub', 'admin', 'level', 'roles', 'name', 'none', 'toString'].map((claim) => ({
    claim,
    name: `x-${claim}`.toLowerCase(),
  }));
  const gateway = await gatewayOf(t, { config: { claims: rules } });
  const names = rules.flatMap(({ name }) => [name.toUpperCase(), name.replaceAll('-', '_')]);
  const forged = Object.fromEntries(names.map((name) => [name, ['forged', 'twice']]));
  const { headers } = echoed(await gateway.ask(await sign(claims), { headers: forged }));
  // Many backends read `x_sub` as they read `x-sub`.
  assert.ok(!gateway.backendRequests[0]?.headers.flat.includes('forged'));
  assert.equal(headers['x-sub'], 'alice');
  assert.equal(headers['x-admin'], 'true');
  assert.equal(headers['x-level'], '7');
  assert.equal(headers['x-roles'], '["a","b"]');
  assert.equal(Buffer.from(headers['x-name'] ?? '', 'latin1').toString(), 'Zoë');
  assert.equal(headers['x-none'], undefined);
  assert.equal(headers['x-tostring'], undefined);
});

test('`append` leaves what the caller sent', async (t) => {
  const gateway = await gatewayOf(t, {
    config: { claims: [{ claim: 'sub', name: 'x-user', append: true }] },
  });
  await gateway.ask(await sign(), { headers: { 'x-user': 'own' } });
  assert.deepEqual(gateway.backendRequests[0]?.headers.getAll('x-user'), ['own', 'alice']);
});

test('a claim that would end its header field refuses the request', async (t) => {
  const gateway = await gatewayOf(t, { config: { claims: [{ claim: 'sub', name: 'x-user' }] } });
  const answer = await gateway.ask(await sign({ sub: 'a\r\nX-Admin: yes' }));
  assert.equal(outcome(answer), '401 the token is not accepted.');
  assert.equal(gateway.backendRequests.length, 0);
});

test('claims go into the query and into forms, in the place of what the caller sent', async (t) => {
  const rules = [
    { claim: 'sub', name: 'user', in: 'query' },
    { claim: 'name', name: 'name', in: 'query' },
    { claim: 'gone', name: 'gone', in: 'query' },
    { claim: 'sub', name: 'user', in: 'form' },
  ];
  const gateway = await gatewayOf(t, { config: { claims: rules } });
  const send = async (type: string) =>
    echoed(
      await gateway.request('POST', '/p?USER=x&a=1%2f&us%65r=y&gone=1', {
        headers: { authorization: `Bearer ${await sign(claims)}`, 'content-type': type },
        body: 'a=%2f&User=x',
      }),
    );
  const form = await send('application/x-www-form-urlencoded; charset=utf-8');
  assert.equal(form.url, '/p?a=1%2f&user=alice&name=Zo%C3%AB');
  assert.equal(form.body, 'a=%2f&user=alice');
  assert.equal((await send('text/plain')).body, 'a=%2f&User=x');
});

test('a form that claims cannot be put into is refused, as the backend may read it as one', async (t) => {
  const gateway = await gatewayOf(t, { config: { claims: [{ claim: 'sub', name: 'user', in: 'form' }] } });
  const send = async (headers: Readonly<Record<string, string | readonly string[]>>) =>
    (
      await gateway.request('POST', '/p', {
        headers: { authorization: `Bearer ${await sign(claims)}`, ...headers },
        body: 'user=root',
      })
    ).status;
  const type = 'application/x-www-form-urlencoded';
  assert.equal(await send({ 'content-type': type, 'content-encoding': 'gzip' }), 415);
  assert.equal(await send({ 'content-type': 'Multipart/Form-Data; boundary=x' }), 415);
  assert.equal(await send({ 'content-type': ['text/plain', type] }), 415);
  assert.equal(gateway.backendRequests.length, 0);
  assert.equal(await send({ 'content-type': type, 'content-encoding': 'identity' }), 200);
  assert.equal(gateway.backendRequests[0]?.body.toString(), 'user=alice');
});

test('in a path a claim replaces `[name]`, and can break out of nothing', async (t) => {
  const config = { claims: [{ claim: 'sub', name: 'id', in: 'path' }], allowMissingToken: true };
  const backend = { type: 'http', address: 'http://backend', path: '/users/[id]/orders' };
  const api = { request: { method: 'ANY', path: '/' }, backend };
  const gateway = await gatewayOf(t, { config, api });
  const path = async (sub: string) => {
    const answer = await gateway.ask(await sign({ ...usual, sub }));
    return answer.status === 200 ? echoed(answer).url : outcome(answer);
  };
  assert.equal(await path('alice'), '/users/alice/orders');
  assert.equal(await path('a/b?c#d[id]'), '/users/a%2Fb%3Fc%23d%5Bid%5D/orders');
  assert.equal(await path('..'), '401 the token is not accepted.');
  assert.match(outcome(await gateway.ask(undefined)), /^400 the backend path needs the claim "sub"/);
});

test('the payload goes on in a header field of its own', async (t) => {
  const gateway = await gatewayOf(t, { config: { payloadHeader: 'X-Payload', allowMissingToken: true } });
  const { headers } = echoed(await gateway.ask(await sign(claims), { headers: { 'x-payload': 'forged' } }));
  assert.deepEqual(JSON.parse(Buffer.from(headers['x-payload'] ?? '', 'base64url').toString()), claims);
  const without = echoed(await gateway.ask(undefined, { headers: { 'x-payload': 'forged' } }));
  assert.equal(without.headers['x-payload'], undefined);
});

test('the token itself goes on only if it is told to', async (t) => {
  const token = await sign();
  const places = [
    [{}, '/?a=1', { authorization: `Bearer ${token}` }],
    [{ in: 'query', name: 't' }, `/?a=1&t=${token}`, {}],
    [{ in: 'cookie', name: 't' }, '/?a=1', { cookie: `a=1; t=${token}; b=2` }],
  ] as const;
  for (const [place, url, headers] of places) {
    for (const forwardToken of [false, true]) {
      const gateway = await gatewayOf(t, { config: { token: place, forwardToken } });
      const answer = await gateway.request('GET', url, { headers });
      assert.equal(answer.text.includes(token), forwardToken);
      assert.match(echoed(answer).url, /a=1/);
    }
  }
  const gateway = await gatewayOf(t, { config: { token: { in: 'cookie', name: 't' } } });
  const { headers } = echoed(
    await gateway.request('GET', '/', { headers: { cookie: `a=1; T=${token}; b=2` } }),
  );
  assert.equal(headers['cookie'], 'a=1; b=2');
});

test('parameters of the backend may have claims', async (t) => {
  const parameters = [{ name: 'x-user', in: 'header', from: 'authorizer.frontend.sub' }];
  const backend = { type: 'http', address: 'http://backend', parameters };
  const gateway = await gatewayOf(t, { api: { backend } });
  const { headers } = echoed(await gateway.ask(await sign(), { headers: { 'x-user': 'forged' } }));
  assert.equal(headers['x-user'], 'alice');
});
