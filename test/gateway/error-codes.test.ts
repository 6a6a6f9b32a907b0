import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { definePlugin } from '#sdk';
import { testGateway } from '#sdk/testing';
import { type Backend, httpBackend } from './support/backend.ts';
import { createAuthority, createPair, writeFiles } from './support/certificates.ts';
import { Http2Client } from './support/http2-client.ts';
import { proofOf } from './support/huawei-verifier.ts';
import { type Running, passTo, startGateway } from './support/gateway.ts';
import { type RawAnswer, exchangeRaw, openRaw } from './support/raw-client.ts';

/*
 * Table 4-2 of the guide (4.3.3), code by code: what a gateway can produce, from its cause, over sockets.
 *
 * What this one cannot produce:
 * - 0103, 0104, 0606, 0609, 0611: a backend, plugin, API, channel or port that is not there; what is configured is checked
 *   as a whole at load, and a configuration that lacks one does not come into force. 0105 likewise, but for a route of an
 *   Alibaba routing document that has nothing to go to; that has the status 504 of its vendor (plugins/backend-routing).
 * - 0106: orchestration rules are not in the guide and do not exist here.
 * - 0201 with 500 ("An unexpected error occurred"): the other code for 0601, which is the one in use.
 * - 0204: a TLS version that is not supported ends the handshake, before there is a request to answer (tls.test.ts).
 * - 0310, 0802: there are no projects, and no regions to disable users in.
 * - 0311: there is no console that debugs APIs with credentials of its own.
 * - 0404: no addresses of backends are forbidden; who may write the configuration may name every one.
 * - 0502: apps are not billed, so never frozen; one that is taken away is unknown (0303).
 * - 1009: app_secret, the authentication by key and secret in plain fields, is none of this gateway's.
 */

const mobile = { key: 'mobile-key-0001', secret: 'mobile-secret-0001' };
const stranger = { key: 'stranger-key-01', secret: 'stranger-secret-01' };
const bob = { key: 'AKBOB000000000000001', secret: 'bob-secret-key-000001' };

let backend: Backend;
let silent: Backend;
let keystone: Backend;
let gonePort: number;
let running: Running;
let users: Running;
let lost: Running;

const failing = definePlugin({
  name: 'failing',
  summary: 'Has a defect.',
  bind: () => ({
    preAuth() {
      throw new Error('a defect that no caller may read about');
    },
  }),
});

/** Knows nobody, and says nothing of it: the kernel decides. */
const mute = definePlugin({
  name: 'auth-mute',
  summary: 'Knows nobody.',
  bind: () => ({ auth: { stage: 'authenticate', handle: () => undefined } }),
});

const mock = (path: string, fields: Readonly<Record<string, unknown>> = {}) => {
  const { request, ...others } = fields as { request?: object };
  return { request: { method: 'ANY', path, ...request }, auth: 'none', backend: { type: 'mock' }, ...others };
};

function apis(): Readonly<Record<string, unknown>> {
  const to = (path: string, address: string, more: object = {}) =>
    passTo(0, { request: { path }, backend: { address, ...more } });
  return {
    'main/get': mock('/get', { request: { method: 'GET' } }),
    'main/staged': mock('/staged', { environments: ['TEST'] }),
    'main/declared': mock('/declared', {
      request: { parameters: [{ name: 'n', in: 'query', required: true }] },
    }),
    'main/small': passTo(backend.port, { request: { path: '/small', maxBodyBytes: 10 } }),
    'main/gone': to('/gone', `http://127.0.0.1:${gonePort}`),
    'main/slow': to('/slow', `http://127.0.0.1:${silent.port}`, { timeoutMs: 50 }),
    'main/name': to('/name', 'http://name.invalid', { timeoutMs: 60_000 }),
    'main/pool': passTo(0, {
      request: { path: '/pool' },
      backend: { address: undefined, channel: 'none-up' },
    }),
    'main/own': to('/own', 'http://own.example'),
    'main/app': mock('/app', { auth: 'app' }),
    'main/mute': mock('/mute', { auth: 'mute' }),
    'main/once': mock('/once'),
    'main/denied': mock('/denied'),
    'main/failing': mock('/failing'),
    'main/secure': mock('/secure', { request: { protocol: 'https' } }),
    'main/signed': passTo(backend.port, { request: { path: '/signed' } }),
  };
}

const accounts = {
  acme: { users: { alice: { accessKey: 'AKALICE0000000000001', secretKey: 'alice-secret-key-0001' } } },
  globex: { users: { bob: { accessKey: bob.key, secretKey: bob.secret } } },
};

before(async () => {
  [backend, silent, keystone] = await Promise.all([
    httpBackend(),
    httpBackend(() => undefined),
    httpBackend((request, response) => {
      // It knows tokens that have expired, and not the user of the gateway that is called `refused`.
      if (request.method === 'POST') {
        response.setHeader('x-subject-token', 'own');
        const expires = '2999-01-01T00:00:00Z';
        response
          .writeHead(201)
          .end(JSON.stringify({ token: { user: userOf('tapgate'), expires_at: expires } }));
      } else
        response.end(
          JSON.stringify({ token: { user: userOf('alice'), expires_at: '2001-01-01T00:00:00Z' } }),
        );
    }),
  ]);
  const gone = await httpBackend();
  gonePort = gone.port;
  await gone[Symbol.asyncDispose]();
  const day = { value: 1, unit: 'day' };
  running = await startGateway(apis(), {
    plugins: [failing, mute],
    root: {
      groups: { main: { domains: ['*', 'own.example'] } },
      environments: { TEST: {} },
      channels: { 'none-up': { members: [{ address: '127.0.0.1', port: gonePort }] } },
      apps: { mobile: { ...mobile, apis: ['main/app'] }, stranger },
      plugins: {
        once: { type: 'throttling', config: { period: day, limits: { api: 1 } } },
        nobody: {
          type: 'access-control',
          config: { subject: 'ip', effect: 'deny', values: ['127.0.0.0/8'] },
        },
        failing: { type: 'failing' },
        sign: {
          type: 'signature-key',
          config: { method: 'hmac', key: 'gateway-key-01', secret: 'gateway-secret-0000001' },
        },
      },
      bindings: [
        { plugin: 'once', apis: ['main/once'] },
        { plugin: 'nobody', apis: ['main/denied'] },
        { plugin: 'failing', apis: ['main/failing'] },
        { plugin: 'sign', apis: ['main/signed'] },
      ],
    },
  });
  const acmeOnly = {
    type: 'access-control',
    config: { subject: 'account', effect: 'allow', values: ['acme'] },
  };
  const iam = (root: object) =>
    startGateway(
      { 'main/admin': mock('/admin', { auth: 'iam' }) },
      { root: { accounts, plugins: { own: acmeOnly }, bindings: [{ plugin: 'own', apis: ['*'] }], ...root } },
    );
  const serviceUser = { name: 'tapgate', password: 'tapgate-password', project: 'service' };
  users = await iam({ iam: { keystone: `http://127.0.0.1:${keystone.port}`, serviceUser } });
  lost = await iam({ iam: { keystone: `http://127.0.0.1:${gonePort}` } });
});

after(async () => {
  // What was not started when something failed is not there.
  for (const each of [running, users, lost, backend, silent, keystone] as (AsyncDisposable | undefined)[])
    await each?.[Symbol.asyncDispose]();
});

function userOf(name: string) {
  return { id: name, name, domain: { id: 'd', name: 'acme' } };
}

const plain = (
  target: string,
  fields: Readonly<Record<string, string>> = {},
  to = running,
): Promise<RawAnswer> => {
  const lines = Object.entries({ Host: 'a', ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return exchangeRaw(to.port, `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
};

const signed = (target: string, as: typeof mobile, to = running): Promise<RawAnswer> => {
  const request = { method: 'GET', url: target, rawHeaders: ['Host', 'a'], body: Buffer.alloc(0) };
  return plain(target, proofOf(request, { ...as, now: Date.now() }), to);
};

type Cause = readonly [title: string, cause: () => Promise<RawAnswer>, said: string | RegExp];

/** What leads to each code, and the status, code and message that a caller gets. */
const causes: readonly Cause[] = [
  [
    'no such path',
    () => plain('/nowhere'),
    '404 APIG.0101 The API does not exist or has not been published in the environment.',
  ],
  [
    'not published in the environment',
    () => plain('/get', { 'X-Stage': 'TEST' }),
    '404 APIG.0101 The API does not exist or has not been published in the environment.',
  ],
  // The guide has "The API does not exist." for this one; the code is the same.
  [
    'another method',
    () => exchangeRaw(running.port, 'POST /get HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'),
    '404 APIG.0101 The API does not exist or has not been published in the environment.',
  ],
  [
    'a parameter that breaks its rule',
    () => plain('/declared'),
    '400 APIG.0201 API request error: the parameter n in query is required.',
  ],
  [
    'content that is too large',
    () =>
      exchangeRaw(running.port, 'POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890'),
    '413 APIG.0201 Request entity too large.',
  ],
  [
    'a target of over 32 KB',
    () => plain(`/${'x'.repeat(32 * 1024)}`),
    '414 APIG.0201 Request URI too large.',
  ],
  [
    'a header of over 32 KB',
    () => plain('/get', { 'x-a': 'x'.repeat(32 * 1024) }),
    '494 APIG.0201 Request headers too large.',
  ],
  [
    'headers of over 128 KB',
    () =>
      plain('/get', Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`x-${n}`, 'x'.repeat(30_000)]))),
    '494 APIG.0201 Request headers too large.',
  ],
  ['a backend that is away', () => plain('/gone'), '502 APIG.0201 Backend unavailable.'],
  ['a backend that is late', () => plain('/slow'), '504 APIG.0201 Backend timeout.'],
  [
    'neither token nor signature of a user',
    () => plain('/admin', {}, users),
    /^401 APIG\.0301 Incorrect IAM authentication information/,
  ],
  [
    'a user of an account that may not',
    () => signed('/admin', bob, users),
    '403 APIG.0302 The IAM user is not authorized to access the API.',
  ],
  ['no signature of an app', () => plain('/app'), /^401 APIG\.0303 Incorrect app authentication information/],
  [
    'a wrong signature of an app',
    () => signed('/app', { ...mobile, secret: 'another' }),
    /^401 APIG\.0303 Incorrect app authentication information/,
  ],
  [
    'an app that may not',
    () => signed('/app', stranger),
    '403 APIG.0304 The app is not authorized to access the API.',
  ],
  [
    'an authenticator that knows nobody',
    () => plain('/mute'),
    '401 APIG.0305 Incorrect authentication information.',
  ],
  [
    'a token that has expired',
    () => plain('/admin', { 'X-Auth-Token': 'old' }, users),
    '401 APIG.0307 The token must be updated.',
  ],
  [
    'more calls than the limit',
    () => plain('/once').then(() => plain('/once')),
    '429 APIG.0308 The throttling threshold has been reached: policy api over ratelimit,limit:1,time:1 day',
  ],
  [
    'an address that may not',
    () => plain('/denied'),
    '403 APIG.0402 The IP address is not authorized to access the API.',
  ],
  ['a defect of a plugin', () => plain('/failing'), '500 APIG.0601 Internal server error.'],
  [
    'no HTTP',
    () => exchangeRaw(running.port, 'GET /get HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
    '400 APIG.0602 Bad request.',
  ],
  ['a name that is none', () => patiently('/name'), '500 APIG.0605 Domain name resolution failed.'],
  [
    'plain HTTP where HTTPS is asked for',
    () => plain('/secure'),
    '400 APIG.0607 The following protocol is supported: https',
  ],
  ['a channel without a live member', () => plain('/pool'), '502 APIG.0610 No backend available.'],
  [
    'an API that calls itself',
    () => plain('/own', { Host: 'own.example' }),
    '500 APIG.0612 An API cannot call itself.',
  ],
  [
    'a Keystone that is away',
    () => plain('/admin', { 'X-Auth-Token': 'any' }, lost),
    '503 APIG.0613 The IAM service is currently unavailable.',
  ],
  [
    'more parameters than can be signed',
    () => plain(`/signed?${'a&'.repeat(10_001)}`),
    '500 APIG.0705 Backend signature calculation failed.',
  ],
];

/** How long a resolver takes to give up is not ours to say. */
async function patiently(target: string): Promise<RawAnswer> {
  const client = await openRaw(running.port);
  try {
    return await client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).answer('GET', 60_000);
  } finally {
    client.socket.destroy();
  }
}

function outcome(status: number, body: Record<string, unknown>): string {
  return `${status} ${String(body['error_code'])} ${String(body['error_msg'])}`;
}

suite('table 4-2', () => {
  for (const [title, cause, said] of causes) {
    test(`${/\d{3} APIG\W{1,2}\d{4}/.exec(String(said))?.[0].replace('\\', '')}: ${title}`, async () => {
      const answer = await cause();
      const body = answer.json();
      if (typeof said === 'string') assert.equal(outcome(answer.status, body), said);
      else assert.match(outcome(answer.status, body), said);
      assert.deepEqual(Object.keys(body), ['error_code', 'error_msg', 'request_id']);
      assert.equal(body['request_id'], answer.get('x-request-id'));
    });
  }

  test('403 APIG.0306: a client that shows no certificate where one is asked for', async () => {
    const authority = await createAuthority('Ours');
    const { cert, key } = await createPair('pay.example');
    const folder = writeFiles({ 'ca.pem': authority.cert, 'own.pem': cert, 'own.key': key });
    const pair = { certificate: `${folder}/own.pem`, key: `${folder}/own.key` };
    const domain = { name: 'pay.example', ...pair, clientCertificates: `${folder}/ca.pem` };
    await using guarded = await startGateway(
      { 'main/all': mock('/') },
      {
        root: {
          listeners: [{ port: 0, host: '127.0.0.1', tls: pair }],
          groups: { main: { domains: [domain] } },
        },
      },
    );
    await using client = await Http2Client.open(guarded.port, { servername: 'pay.example' });
    const answer = await client.request({ ':authority': 'pay.example' });
    const body = JSON.parse(answer.body.toString()) as Record<string, unknown>;
    assert.match(outcome(answer.status, body), /^403 APIG\.0306 API access denied/);
  });

  test('403 APIG.0401: an address that is none, as of a connection that is gone', async () => {
    const gateway = await testGateway({
      config: {
        groups: { main: { domains: ['*'] } },
        apis: { 'main/api': mock('/') },
        plugins: {
          p: { type: 'access-control', config: { subject: 'ip', effect: 'deny', values: ['192.0.2.1'] } },
        },
        bindings: [{ plugin: 'p', apis: ['*'] }],
      },
    });
    const answer = await gateway.request('GET', '/', { clientAddress: '' });
    const body = answer.json() as Record<string, unknown>;
    assert.equal(outcome(answer.status, body), '403 APIG.0401 Unknown client IP address.');
  });

  test('500 APIG.0608: a Keystone that does not take the user of the gateway', async () => {
    await using refusing = await httpBackend((_request, response) => void response.writeHead(401).end('{}'));
    const serviceUser = { name: 'tapgate', password: 'wrong-password', project: 'service' };
    await using gateway = await startGateway(
      { 'main/admin': mock('/admin', { auth: 'iam' }) },
      { root: { iam: { keystone: `http://127.0.0.1:${refusing.port}`, serviceUser } } },
    );
    const answer = await plain('/admin', { 'X-Auth-Token': 'any' }, gateway);
    assert.equal(outcome(answer.status, answer.json()), '500 APIG.0608 Failed to obtain the admin token.');
  });
});
