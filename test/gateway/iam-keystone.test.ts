import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { testGateway, VirtualClock } from '#sdk/testing';
import { type Backend, type Seen, httpBackend } from './support/backend.ts';

/* Tokens that a Keystone validates. It is a stand-in here; `test/keystone/run.ts` proves the same with a real one. */

const now = 1_700_000_000_000;
const clock = (): VirtualClock => new VirtualClock(now);
const bad = '401 APIG.0301 Incorrect IAM authentication information: decrypt token fail';
const expired = '401 APIG.0307 The token must be updated.';
const away = '503 APIG.0613 The IAM service is currently unavailable.';
const noAdmin = '500 APIG.0608 Failed to obtain the admin token.';
const serviceUser = { name: 'tapgate', password: 'password-that-nobody-may-see', project: 'service' };

interface State {
  /** Tokens of users, and when they expire. */
  readonly tokens: Map<string, number>;
  /** Tokens of the service user that are good. */
  readonly own: Set<string>;
  /** Answers instead. */
  instead: ((response: ServerResponse) => void) | undefined;
  isRefusingLogin: boolean;
}

interface Stage extends State {
  readonly keystone: Backend;
  readonly clock: VirtualClock;
  /** `200`, or status, code and message of the refusal. */
  call(token: string): Promise<string>;
  /** Requests of a method that came so far. */
  asked(method: string): Seen[];
  readonly logged: () => string;
}

function describe(id: string, expiresAt: number): string {
  const user = { id, name: id, domain: { id: 'd', name: 'acme' } };
  return JSON.stringify({ token: { user, expires_at: new Date(expiresAt).toISOString() } });
}

function answer(state: State, time: VirtualClock, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url } = request;
  const respond = (status: number, body = '{"error":{}}'): void => void response.writeHead(status).end(body);
  if (state.instead !== undefined) return state.instead(response);
  if (method === 'POST') {
    if (state.isRefusingLogin) return respond(401);
    const token = `own-${state.own.size}`;
    state.own.add(token);
    response.setHeader('x-subject-token', token);
    return respond(201, describe('tapgate', time.now() + 3_600_000));
  }
  const subject = String(headers['x-subject-token']);
  const asking = String(headers['x-auth-token']);
  const expiresAt = state.tokens.get(subject);
  const isService = state.own.has(asking);
  const isGood =
    expiresAt !== undefined && (expiresAt > time.now() || url?.includes('allow_expired=1') === true);
  if (!isService && asking !== subject) return respond(401);
  if (!isGood) return respond(isService ? 404 : 401);
  return respond(200, describe('alice', expiresAt));
}

/** A gateway before a Keystone that knows the token `good`. */
async function start(t: TestContext, iam: Readonly<Record<string, unknown>> = {}): Promise<Stage> {
  const time = clock();
  const state: State = {
    tokens: new Map([['good', now + 600_000]]),
    own: new Set(),
    instead: undefined,
    isRefusingLogin: false,
  };
  const keystone = await httpBackend((request, response) => answer(state, time, request, response));
  const gateway = await testGateway({
    clock: time,
    config: {
      groups: { shop: { domains: ['test'] } },
      apis: {
        'shop/admin': { request: { method: 'GET', path: '/' }, auth: 'iam', backend: { type: 'mock' } },
      },
      iam: { keystone: `http://127.0.0.1:${keystone.port}`, timeoutMs: 20_000, ...iam },
    },
  });
  t.after(async () => {
    await gateway.close();
    await keystone[Symbol.asyncDispose]();
  });
  return Object.assign(state, {
    keystone,
    clock: time,
    async call(token: string) {
      const { status, json, text } = await gateway
        .request('GET', '/', { headers: { 'x-auth-token': token } })
        .then((each) => ({ status: each.status, text: each.text, json: () => each.json() }));
      if (status === 200 && text === '') {
        const { type, id, user } = gateway.completed.at(-1)?.exchange?.identity ?? {};
        assert.deepEqual(
          { type, id, user },
          { type: 'user', id: 'alice', user: { id: 'alice', name: 'alice', account: 'acme' } },
        );
        return '200';
      }
      const { error_code: code, error_msg: message } = json() as Record<string, string>;
      return `${status} ${code} ${message}`;
    },
    asked: (method: string) => keystone.seen.filter((each) => each.method === method),
    logged: () => JSON.stringify(gateway.log),
  });
}

test('a token asks for itself, and the answer is believed for a while', async (t) => {
  const stage = await start(t, { cacheSeconds: 30 });
  assert.equal(await stage.call('good'), '200');
  assert.equal(await stage.call('good'), '200');
  assert.deepEqual(
    stage.keystone.seen.map(({ method, url }) => `${method} ${url}`),
    ['GET /v3/auth/tokens?nocatalog'],
  );
  stage.tokens.delete('good');
  stage.clock.advance(29_999);
  assert.equal(await stage.call('good'), '200');
  stage.clock.advance(1);
  assert.equal(await stage.call('good'), bad);
  assert.equal(stage.keystone.seen.length, 2);
});

test('a token that is believed still expires at its time', async (t) => {
  const stage = await start(t, { cacheSeconds: 3600 });
  assert.equal(await stage.call('good'), '200');
  stage.clock.advance(600_000 - 1);
  assert.equal(await stage.call('good'), '200');
  stage.clock.advance(1);
  assert.equal(await stage.call('good'), expired);
  assert.equal(stage.keystone.seen.length, 1);
});

test('a refused token is asked about again after ten seconds', async (t) => {
  const stage = await start(t);
  for (let round = 0; round < 3; round += 1) assert.equal(await stage.call('new'), bad);
  assert.equal(stage.keystone.seen.length, 1);
  stage.tokens.set('new', now + 600_000);
  stage.clock.advance(10_000);
  assert.equal(await stage.call('new'), '200');
});

test('one token is asked about once at a time', async (t) => {
  const stage = await start(t, { cacheSeconds: 0 });
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => stage.call('good')));
  assert.deepEqual(new Set(outcomes), new Set(['200']));
  assert.equal(stage.keystone.seen.length, 1);
  assert.equal(await stage.call('good'), '200');
  assert.equal(stage.keystone.seen.length, 2, 'nothing is believed for longer');
});

test('a service user asks with a token of its own, which is renewed in time', async (t) => {
  const stage = await start(t, { serviceUser, cacheSeconds: 0 });
  stage.tokens.set('good', now + 86_400_000);
  const outcomes = await Promise.all(['good', 'x', 'y'].map((token) => stage.call(token)));
  assert.deepEqual(outcomes, ['200', bad, bad]);
  const [login] = stage.asked('POST');
  const domain = { name: 'Default' };
  const { name, password } = serviceUser;
  assert.deepEqual(JSON.parse(login?.body.toString() ?? ''), {
    auth: {
      identity: { methods: ['password'], password: { user: { name, domain, password } } },
      scope: { project: { name: 'service', domain } },
    },
  });
  assert.equal(stage.asked('POST').length, 1);
  stage.clock.advance(3_600_000 - 60_001);
  await stage.call('good');
  assert.equal(stage.asked('POST').length, 1);
  stage.clock.advance(1);
  assert.equal(await stage.call('good'), '200');
  assert.equal(stage.asked('POST').length, 2);
});

test('an expired token is told from an unknown one by a service user', async (t) => {
  const stage = await start(t, { serviceUser });
  stage.tokens.set('old', now - 1000);
  assert.equal(await stage.call('old'), expired);
  assert.equal(await stage.call('unknown'), bad);
});

test('a token of the service user that Keystone refuses is replaced once', async (t) => {
  const stage = await start(t, { serviceUser, cacheSeconds: 0 });
  assert.equal(await stage.call('good'), '200');
  stage.own.delete('own-0');
  stage.own.add('kept');
  assert.equal(await stage.call('good'), '200');
  assert.equal(stage.asked('POST').length, 2);
});

test('a service user that Keystone refuses is not tried again at once', async (t) => {
  const stage = await start(t, { serviceUser });
  stage.isRefusingLogin = true;
  for (let round = 0; round < 3; round += 1) assert.equal(await stage.call('good'), noAdmin);
  assert.equal(stage.asked('POST').length, 1);
  stage.isRefusingLogin = false;
  stage.clock.advance(10_000);
  assert.equal(await stage.call('good'), '200');
  assert.doesNotMatch(stage.logged(), /nobody-may-see|good/);
});

test('a Keystone that is away, or answers nonsense, is a 503, and nothing is believed', async (t) => {
  const stage = await start(t, { cacheSeconds: 10 });
  assert.equal(await stage.call('good'), '200');
  stage.clock.advance(10_000);
  const user = (fields: object): string =>
    JSON.stringify({ token: { expires_at: '2030-01-01T00:00:00Z', ...fields } });
  const domain = { name: 'acme' };
  for (const instead of [
    [500, '{}'],
    [429, '{}'],
    [302, ''],
    [200, ''],
    [200, 'no JSON'],
    [200, 'null'],
    [200, '{"token":null}'],
    [200, '{"token":{}}'],
    [200, user({})],
    [200, user({ user: { id: 'a', name: 'a' } })],
    [200, user({ user: { id: '', name: 'a', domain } })],
    [200, user({ user: { id: 'a', name: 'a', domain }, expires_at: 'soon' })],
  ] as const) {
    stage.instead = (response) => void response.writeHead(instead[0]).end(instead[1]);
    assert.equal(await stage.call('good'), away, instead[1]);
  }
  stage.instead = (response) => response.destroy();
  assert.equal(await stage.call('good'), away);
  stage.instead = (response) => void response.writeHead(403).end('{}');
  assert.equal(await stage.call('good'), noAdmin);
  stage.instead = undefined;
  assert.equal(await stage.call('good'), '200');
  assert.equal(stage.logged().match(/Keystone does not answer/g)?.length, 1, 'once for one time away');
});

test('a Keystone that is slow, or nobody, is a 503', async (t) => {
  const stage = await start(t, { timeoutMs: 100 });
  stage.instead = () => undefined;
  assert.equal(await stage.call('good'), away);
  const nobody = await httpBackend();
  await nobody[Symbol.asyncDispose]();
  const other = await start(t, { keystone: `http://127.0.0.1:${nobody.port}/v3/` });
  assert.equal(await other.call('good'), away);
});

test('two hundred tokens are asked about at a time; one more is refused', async (t) => {
  const stage = await start(t);
  const waiting: ServerResponse[] = [];
  stage.instead = (response) => void waiting.push(response);
  const calls = Array.from({ length: 200 }, (_, index) => stage.call(`token-${index}`));
  assert.equal(await stage.call('one-more'), away);
  stage.instead = undefined;
  const open = setInterval(() => {
    for (const response of waiting.splice(0)) response.writeHead(401).end('{}');
  }, 5);
  t.after(() => clearInterval(open));
  assert.deepEqual(new Set(await Promise.all(calls)), new Set([bad]));
});

test('what is no token is refused without asking', async (t) => {
  const stage = await start(t);
  for (const token of ['', 'a b', 'good, good', 'ü']) assert.equal(await stage.call(token), bad, token);
  assert.equal(stage.keystone.seen.length, 0);
});
