import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { test } from 'node:test';
import { Channels, definePlugin } from '#sdk';
import { readConfigText } from '../../core/config/read.ts';
import { type Backend, httpBackend, streamBackend } from './support/backend.ts';
import { deafServer } from './support/deaf-server.ts';
import { type Running, type RunOptions, startGateway } from './support/gateway.ts';
import { pause, until } from './support/within.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An API that passes everything to the channel `pool`. */
function over(channel: Fields, backend: Fields = {}): [Fields, RunOptions & { readonly root: Fields }] {
  const api = {
    request: { method: 'ANY', path: '/', match: 'prefix' },
    auth: 'none',
    backend: { type: 'http', channel: 'pool', ...backend },
  };
  return [{ 'main/all': api }, { root: { channels: { pool: channel } } }];
}

/** Lends a test the service of the configuration that was set up last. */
function observer() {
  let service: Channels | undefined;
  const plugin = definePlugin({
    name: 'test-channels',
    summary: 'Lends the channels to a test.',
    setup: (_section, kit) => {
      service = kit.use(Channels);
      return {};
    },
  });
  const health = (): string =>
    (service?.states() ?? []).map((each) => (each.isEjected ? 'ejected' : each.health)).join(' ');
  return { plugin, health, states: () => service?.states() ?? [] };
}

const at = ({ port }: { readonly port: number }, fields: Fields = {}): Fields => ({
  address: '127.0.0.1',
  port,
  ...fields,
});

/** A server that answers with its name. */
function named(name: string): Promise<Backend> {
  return httpBackend((_request, response) => void response.end(name));
}

interface Told {
  readonly status: number;
  readonly text: string;
}

/** One request on a connection of its own, unless an agent is given. */
function ask(port: number, method = 'GET', agent: Agent | false = false, body?: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const asked = request({ port, host: '127.0.0.1', method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function codeOf(told: Promise<Told>): Promise<string> {
  const { status, text } = await told;
  return status === 200 ? text : `${status} ${(JSON.parse(text) as { error_code: string }).error_code}`;
}

/** The server is gone: nobody listens, and its connections are reset. */
async function kill({ server, connections }: Backend): Promise<void> {
  server.close();
  for (const socket of connections) socket.resetAndDestroy();
  await once(server, 'close');
}

test('a member that is killed under load costs no replayable request', async () => {
  await using one = await named('one');
  await using two = await named('two');
  const three = await named('three');
  const members = [at(one), at(two), at(three)];
  await using running = await startGateway(...over({ members }, { retries: 2 }));
  const agent = new Agent({ keepAlive: true });
  const counts: Record<string, number> = {};
  const ending = new AbortController();
  let answered = 0;
  const caller = async (index: number): Promise<void> => {
    while (!ending.signal.aborted) {
      const method = index % 4 === 0 ? 'PUT' : 'GET';
      const key = await codeOf(ask(running.port, method, agent, method === 'PUT' ? 'content' : undefined));
      counts[key] = (counts[key] ?? 0) + 1;
      answered += 1;
    }
  };
  const callers = Array.from({ length: 32 }, (_each, index) => caller(index));
  await until(() => (counts['three'] ?? 0) > 100, 'all serve');
  await kill(three);
  const before = answered;
  await until(() => answered > before + 1500, 'the others serve');
  ending.abort();
  await Promise.all(callers);
  agent.destroy();
  assert.deepEqual(Object.keys(counts).sort(), ['one', 'three', 'two'], JSON.stringify(counts));
});

test('connections that are refused send any request elsewhere; with nobody left it is a 502 APIG.0610', async () => {
  const one = await named('one');
  await using two = await named('two');
  await using running = await startGateway(
    ...over({ members: [at(one), at(two)], ejection: { failures: 0 } }),
  );
  await kill(one);
  for (let index = 0; index < 6; index += 1)
    assert.equal(await codeOf(ask(running.port, 'POST', false, 'content')), 'two');
  // Larger than what is read before a member is called: it streams, and cannot be sent again.
  const large = await Promise.all(
    Array.from({ length: 4 }, () => codeOf(ask(running.port, 'PUT', false, 'x'.repeat(100_000)))),
  );
  assert.deepEqual(large.sort(), ['502 APIG.0201', '502 APIG.0201', 'two', 'two']);
  await kill(two);
  assert.equal(await codeOf(ask(running.port)), '502 APIG.0610');
  assert.equal(running.completed.at(-1)?.refusal?.kind, 'backend-no-member');
});

test('what may have arrived is sent again only where that does no more than once', async () => {
  let lost = 0;
  await using losing = await streamBackend((incoming) => {
    lost += 1;
    incoming.socket.destroy();
  });
  await using fine = await named('fine');
  const members = [at(losing, { weight: 10_000 }), at(fine)];
  await using running = await startGateway(...over({ members, ejection: { failures: 0 } }));
  assert.equal(await codeOf(ask(running.port, 'GET')), 'fine');
  assert.equal(await codeOf(ask(running.port, 'DELETE')), 'fine');
  assert.equal(await codeOf(ask(running.port, 'POST', false, 'content')), '502 APIG.0201');
  assert.equal(lost, 3);
});

test('a member that does not answer in time is passed over, each try having its own time', async () => {
  await using silent = await streamBackend(() => undefined);
  await using deaf = await deafServer();
  await using fine = await named('fine');
  const members = [at(silent, { weight: 10_000 }), at(deaf, { weight: 100 }), at(fine)];
  await using running = await startGateway(
    ...over({ members, ejection: { failures: 1 } }, { timeoutMs: 300, retries: 2 }),
  );
  const start = performance.now();
  assert.equal(await codeOf(ask(running.port)), 'fine');
  const took = performance.now() - start;
  assert.ok(took >= 580, String(took));
  assert.equal(await codeOf(ask(running.port)), 'fine', 'both are ejected');
});

test('a health check takes a member out and brings it back; backups stand in; nobody is APIG.0610', async () => {
  const sick = new Set<string>();
  const seen: string[] = [];
  const checked = (name: string) =>
    httpBackend((incoming, response, seenOne) => {
      const isCheck = incoming.url === '/healthz';
      if (isCheck)
        seen.push(`${incoming.method} ${seenOne.values('host')[0]} ${seenOne.values('user-agent')[0]}`);
      response.statusCode = isCheck ? (sick.has(name) ? 503 : 210) : 200;
      response.end(name);
    });
  await using main = await checked('main');
  await using backup = await checked('backup');
  const { plugin, health } = observer();
  const channel = {
    members: [at(main), at(backup, { backup: true })],
    healthCheck: {
      protocol: 'http',
      path: '/healthz',
      method: 'HEAD',
      statusCodes: '200,210-299',
      intervalSeconds: 2,
      timeoutSeconds: 1,
      healthyThreshold: 1,
      unhealthyThreshold: 1,
    },
  };
  const [apis, options] = over(channel);
  await using running = await startGateway(apis, { ...options, plugins: [plugin] });
  await until(() => health() === 'healthy healthy', 'the first checks');
  assert.ok(seen.includes(`HEAD 127.0.0.1:${main.port} tapgate-health-check`), seen.join());
  assert.equal(await codeOf(ask(running.port)), 'main');
  sick.add('main');
  await until(() => health() === 'unhealthy healthy', 'the check fails');
  assert.equal(await codeOf(ask(running.port)), 'backup');
  await reload(running, apis, options);
  assert.equal(health(), 'unhealthy healthy', 'health outlives a reload');
  assert.equal(await codeOf(ask(running.port)), 'backup');
  sick.add('backup');
  await until(() => health() === 'unhealthy unhealthy', 'the backup is sick, too');
  assert.equal(await codeOf(ask(running.port)), '502 APIG.0610');
  sick.clear();
  await until(() => health() === 'healthy healthy', 'both are well');
  assert.equal(await codeOf(ask(running.port)), 'main');
  assert.equal(running.log.filter(({ message }) => message.endsWith('is unhealthy')).length, 2);
});

test('a configuration that is refused checks nobody, and nobody gets well by it', async () => {
  await using sick = await httpBackend((incoming, response) => {
    response.statusCode = incoming.url === '/healthz' ? 503 : 200;
    response.end('sick');
  });
  await using fine = await named('fine');
  await using other = await named('other');
  const { plugin, health } = observer();
  const timing = { intervalSeconds: 300, timeoutSeconds: 30, healthyThreshold: 1, unhealthyThreshold: 1 };
  const healthCheck = { protocol: 'http', path: '/healthz', ...timing };
  const members = [at(sick), at(fine)];
  const [apis, options] = over({ members, healthCheck });
  await using running = await startGateway(apis, { ...options, plugins: [plugin] });
  await until(() => health() === 'unhealthy healthy', 'both were checked');
  // Making the certificate takes a while, and only then is it known that all of it is refused.
  const root = {
    listeners: [{ port: 0, tls: 'selfsigned' }],
    channels: { pool: { members }, more: { members: [at(other)], healthCheck } },
    nonsense: true,
  };
  await assert.rejects(reload(running, apis, { root }), { name: 'ConfigError' });
  for (let round = 0; round < 4; round += 1) assert.equal(await codeOf(ask(running.port)), 'fine');
  assert.equal(other.connections.length, 0);
});

test('a thousand reloads check nobody more often, and a channel that is gone not at all', async () => {
  await using one = await named('one');
  const { plugin, health } = observer();
  const healthCheck = { intervalSeconds: 2, timeoutSeconds: 1, healthyThreshold: 1 };
  const [apis, options] = over({ members: [at(one)], healthCheck });
  await using running = await startGateway(apis, { ...options, plugins: [plugin] });
  const start = performance.now();
  for (let round = 0; round < 1000; round += 1) await reload(running, apis, options);
  await until(() => health() === 'healthy', 'it is checked');
  const due = Math.ceil((performance.now() - start) / 2000) + 1;
  assert.ok(one.connections.length <= due, `${one.connections.length} checks instead of ${due}`);
  const api = { ...(apis['main/all'] as Fields), backend: { type: 'mock' } };
  await reload(running, { 'main/all': api }, { root: {} });
  const checks = one.connections.length;
  await new Promise((resolve) => {
    setTimeout(resolve, 2500);
  });
  assert.equal(one.connections.length, checks, 'nobody checks any more');
});

test('all addresses of a name are used, and the Host is the one the caller asked for', async () => {
  await using one = await named('one');
  const { plugin, states } = observer();
  const [apis, options] = over({ members: [{ address: 'localhost', port: one.port }] });
  await using running = await startGateway(apis, { ...options, plugins: [plugin] });
  await until(() => states().every(({ address }) => address !== 'localhost'), 'the name is looked up');
  assert.ok(states().some(({ address, member }) => address === '127.0.0.1' && member === 'localhost'));
  assert.equal(await codeOf(ask(running.port)), 'one');
  assert.deepEqual(one.seen.at(-1)?.values('host'), [`127.0.0.1:${running.port}`]);
});

test('least connection counts no request for ever: callers that leave, members that fail, answers that are cut', async () => {
  let caller: Socket | undefined;
  await using slow = await streamBackend((incoming, response) => {
    if (incoming.url === '/never') caller?.destroy();
    if (incoming.url === '/cut') {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('some', () => incoming.socket.destroy());
    } else if (incoming.url === '/head') response.writeHead(200).write('some');
  });
  await using fine = await named('fine');
  const members = [at(slow), at(fine)];
  const channel = { algorithm: 'weighted-least-connection', members, ejection: { failures: 0 } };
  await using running = await startGateway(...over(channel, { timeoutMs: 500, retries: 0 }));
  for (const path of ['/never', '/head', '/cut', '/never', '/head', '/cut', '/late', '/late']) {
    const socket = connect(running.port, '127.0.0.1');
    caller = socket;
    socket.on('error', () => undefined);
    const count = running.completed.length;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    socket.on('data', () => {
      if (path === '/head') socket.destroy();
    });
    await until(() => running.completed.length > count, `${path} is over`);
    socket.destroy();
  }
  // With nothing in hand, equals take turns; a request that is still counted would turn all away from its member.
  const before = slow.connections.length + fine.seen.length;
  const counts = { slow: 0, fine: 0 };
  for (let index = 0; index < 4; index += 1) {
    const key = await codeOf(ask(running.port));
    counts[key === 'fine' ? 'fine' : 'slow'] += 1;
  }
  assert.deepEqual(counts, { slow: 2, fine: 2 }, String(before));
});

test('a caller that leaves while an ejected member is tried, which is the gateway itself, costs it nothing', async () => {
  let isHanging = true;
  const asked: string[] = [];
  await using inner = await streamBackend((incoming, response) => {
    asked.push(incoming.url ?? '');
    if (!isHanging) response.end('inner');
  });
  await using other = await named('other');
  // Nobody knows the name but the gateway, whose own it is.
  const members = [{ address: 'own.invalid', port: 80, weight: 1000 }, at(other)];
  const [apis, { root }] = over(
    { members, ejection: { failures: 1, seconds: 2 } },
    { timeoutMs: 2000, retries: 0, hostHeader: 'own.invalid' },
  );
  const address = `http://127.0.0.1:${inner.port}`;
  const own = { ...(apis['main/all'] as Fields), backend: { type: 'http', address, timeoutMs: 60_000 } };
  const groups = { main: { domains: ['*'] }, own: { domains: ['own.invalid'] } };
  await using running = await startGateway({ ...apis, 'own/all': own }, { root: { ...root, groups } });
  assert.match(await codeOf(ask(running.port)), /^504/);
  assert.equal(await codeOf(ask(running.port)), 'other', 'it is ejected');
  await until(() => running.log.some(({ message }) => message.includes('left out')), 'it is told');
  await pause(2100);
  const socket = connect(running.port, '127.0.0.1');
  const count = asked.length;
  socket.write('GET /leaves HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => asked.length > count, 'it is tried');
  const completed = running.completed.length;
  socket.destroy();
  await until(() => running.completed.length >= completed + 2, 'both passes are over');
  isHanging = false;
  assert.equal(await codeOf(ask(running.port)), 'inner', 'it is tried again');
});

async function reload(running: Running, apis: Fields, { root }: { readonly root?: Fields }): Promise<void> {
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { main: { domains: ['*'] } },
    throttling: { defaultPerSecond: 0 },
    apis,
    ...root,
  };
  await running.gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config, null, 1) }, {}));
}
