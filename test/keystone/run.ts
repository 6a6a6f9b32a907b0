import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { type Server, findKeystone } from './keystone-server.ts';

/*
 * Proves `iam: {keystone: URL}` against a real Keystone, over sockets: `node test/keystone/run.ts`. Not part of `npm test`,
 * because installing one takes a minute.
 */

interface User {
  readonly name: string;
  readonly password: string;
  readonly domain: string;
}

/** Calls Keystone; answers what it says. @throws Error when it refuses */
async function call(server: Server, token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as Record<string, Record<string, string>>;
}

/** A token, and when it expires. */
async function login(server: Server, { name, password, domain }: User, scope?: unknown) {
  const user = { name, password, domain: { name: domain } };
  const identity = { methods: ['password'], password: { user } };
  const auth = { identity, ...(scope === undefined ? {} : { scope }) };
  const response = await fetch(`${server.url}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  const { token } = (await response.json()) as { token: { expires_at: string } };
  return { text: response.headers.get('x-subject-token') ?? '', expiresAt: Date.parse(token.expires_at) };
}

const suffix = Date.now().toString(36);
const alice: User = { name: `alice-${suffix}`, password: 'alice-password', domain: `acme-${suffix}` };
const service: User = { name: `tapgate-${suffix}`, password: 'service-password', domain: 'Default' };

/** An account with a user, and a service user with the role `service` in a project. */
async function prepare(server: Server): Promise<string> {
  const admin: User = { name: 'admin', password: server.adminPassword, domain: 'Default' };
  const scope = { project: { name: 'admin', domain: { name: 'Default' } } };
  const { text: token } = await login(server, admin, scope);
  const made = async (kind: string, fields: object): Promise<string> => {
    const answer = await call(server, token, 'POST', `/${kind}s`, { [kind]: fields });
    return answer[kind]?.['id'] ?? '';
  };
  const domain = await made('domain', { name: alice.domain });
  await made('user', { name: alice.name, password: alice.password, domain_id: domain });
  const tapgate = await made('user', {
    name: service.name,
    password: service.password,
    domain_id: 'default',
  });
  const project = await made('project', { name: service.name, domain_id: 'default' });
  const { roles } = (await call(server, token, 'GET', '/roles?name=service')) as unknown as {
    roles: { id: string }[];
  };
  const role = roles[0]?.id ?? (await made('role', { name: 'service' }));
  await call(server, token, 'PUT', `/projects/${project}/users/${tapgate}/roles/${role}`);
  return token;
}

let shiftMs = 0;

/** A gateway with one API for users whose account is alice's. */
async function startGateway(backendPort: number, iam: Readonly<Record<string, unknown>>) {
  const quiet = (): void => undefined;
  const gateway = new Gateway({
    log: { info: quiet, warn: quiet, error: quiet },
    clock: { now: () => Date.now() + shiftMs },
  });
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    limits: { drainTimeoutMs: 1 },
    groups: { shop: { domains: ['*'] } },
    apis: {
      'shop/admin': {
        request: { method: 'GET', path: '/admin' },
        auth: 'iam',
        backend: { type: 'http', address: `http://127.0.0.1:${backendPort}` },
      },
    },
    iam,
    plugins: {
      own: {
        type: 'access-control',
        config: { subject: 'account', effect: 'allow', values: [alice.domain] },
      },
    },
    bindings: [{ plugin: 'own', apis: ['shop/admin'] }],
  };
  await gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {}), { listen: true });
  const url = `http://127.0.0.1:${gateway.listeners[0]?.port}/admin`;
  return {
    /** `200`, or the status and code of the refusal. */
    async outcome(token: string): Promise<string> {
      const response = await fetch(url, { headers: { 'x-auth-token': token } });
      const text = await response.text();
      if (response.status === 200) return '200';
      return `${response.status} ${(JSON.parse(text) as { error_code: string }).error_code}`;
    },
    close: () => gateway.close(),
  };
}

/** Runs one proof and says so. */
async function proved(what: string, proof: () => Promise<void>): Promise<void> {
  await proof();
  process.stdout.write(`ok: ${what}\n`);
}

async function prove(server: Server, backendPort: number): Promise<void> {
  const admin = await prepare(server);
  const { name, domain, password } = service;
  const serviceUser = { name, domain, password, project: service.name };
  const keystone = server.url;
  for (const [who, extra] of [
    ['a service user', { serviceUser }] as const,
    ['the token itself', {}] as const,
  ]) {
    const gateway = await startGateway(backendPort, {
      keystone,
      cacheSeconds: 0,
      timeoutMs: 30_000,
      ...extra,
    });
    await proved(
      `${who}: a token is good until it is revoked, its account counts, and others are refused`,
      async () => {
        const { text } = await login(server, alice);
        assert.equal(await gateway.outcome(text), '200');
        assert.equal(await gateway.outcome(admin), '403 APIG.0302');
        assert.equal(await gateway.outcome('gAAAAA-no-token'), '401 APIG.0301');
        const response = await fetch(`${keystone}/auth/tokens`, {
          method: 'DELETE',
          headers: { 'x-auth-token': text, 'x-subject-token': text },
        });
        assert.equal(response.status, 204);
        assert.equal(await gateway.outcome(text), '401 APIG.0301');
      },
    );
    await proved(`${who}: a token is expired by the gateway's clock`, async () => {
      const { text, expiresAt } = await login(server, alice);
      assert.equal(await gateway.outcome(text), '200');
      shiftMs = expiresAt - Date.now();
      assert.equal(await gateway.outcome(text), '401 APIG.0307');
      shiftMs = 0;
    });
    await gateway.close();
  }
  await proveExpiry(server, backendPort, serviceUser);
  const wrong = { serviceUser: { ...serviceUser, password: 'another' } };
  const gateway = await startGateway(backendPort, { keystone, timeoutMs: 30_000, ...wrong });
  await proved('a service user with a wrong password', async () => {
    assert.equal(await gateway.outcome((await login(server, alice)).text), '500 APIG.0608');
  });
  await gateway.close();
}

/** A token that Keystone itself holds for expired. */
async function proveExpiry(server: Server, backendPort: number, serviceUser: object): Promise<void> {
  if (server.shortLived === undefined) return;
  const short = await server.shortLived(2);
  const { text, expiresAt } = await login(short, alice);
  await short[Symbol.asyncDispose]();
  await sleep(Math.max(0, expiresAt - Date.now()) + 50);
  const options = { keystone: server.url, timeoutMs: 30_000 };
  for (const [extra, expected] of [
    [{ serviceUser }, '401 APIG.0307'],
    [{}, '401 APIG.0301'],
  ] as const) {
    const gateway = await startGateway(backendPort, { ...options, ...extra });
    await proved(`a token that Keystone holds for expired: ${expected}`, async () => {
      assert.equal(await gateway.outcome(text), expected);
    });
    await gateway.close();
  }
}

async function main(): Promise<void> {
  const startedAt = Date.now();
  const server = await findKeystone();
  const backend = createServer((request, response) => {
    response.statusCode = request.headers['x-auth-token'] === undefined ? 200 : 500;
    response.end('backend');
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const { port } = backend.address() as AddressInfo;
  try {
    process.stdout.write(`Keystone at ${server.url} after ${Date.now() - startedAt} ms\n`);
    await prove(server, port);
    await server[Symbol.asyncDispose]();
    if (server.shortLived === undefined) return;
    const gateway = await startGateway(port, { keystone: server.url });
    await proved('a Keystone that is away', async () => {
      assert.equal(await gateway.outcome('any-token'), '503 APIG.0613');
    });
    await gateway.close();
  } finally {
    await server[Symbol.asyncDispose]();
    backend.closeAllConnections();
    backend.close();
    process.stdout.write(`${Date.now() - startedAt} ms in all\n`);
  }
}

await main();
