import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import aliyun from 'aliyun-api-gateway';
import { Redis } from 'ioredis';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { ownPrefix, sharedRedis, startRedis } from '../support/redis.ts';
import { until } from './support/within.ts';

const connections = 64;
const secret = 'app-secret-0123456789';

/** One API with a limit for a period that does not end, and one that counts nothing but takes each nonce once. */
function configOf(store: unknown, limit: number, others: Readonly<Record<string, unknown>> = {}) {
  const backend = { type: 'mock', status: 200, body: 'served' };
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    limits: { drainTimeoutMs: 5000 },
    throttling: { defaultPerSecond: 0 },
    ...(store === undefined ? {} : { state: { store, timeoutMs: 5000, connectTimeoutMs: 5000, ...others } }),
    groups: { shop: { domains: ['*'] } },
    apis: {
      'shop/limited': { request: { method: 'GET', path: '/limited' }, auth: 'none', backend },
      'shop/signed': {
        request: { method: 'GET', path: '/signed' },
        auth: { type: 'app', forceNonce: true },
        backend,
      },
    },
    apps: { caller: { key: '200000001', secret, apis: ['*'] } },
    plugins: {
      policy: {
        type: 'throttling',
        config: { period: { value: 100_000, unit: 'day' }, limits: { api: limit, ip: limit } },
      },
    },
    bindings: [{ plugin: 'policy', apis: ['shop/limited'] }],
  };
  return readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {});
}

interface Started {
  readonly gateway: Gateway;
  readonly port: number;
  readonly log: { readonly level: string; readonly message: string }[];
}

async function startGateway(t: TestContext, config: ReturnType<typeof configOf>): Promise<Started> {
  const log: { level: string; message: string }[] = [];
  const note = (level: string) => (_fields: unknown, message: string) => void log.push({ level, message });
  const gateway = new Gateway({ log: { info: note('info'), warn: note('warn'), error: note('error') } });
  t.after(() => gateway.close());
  await gateway.apply(config, { listen: true });
  return { gateway, port: gateway.listeners[0]?.port ?? 0, log };
}

/** 64 connections, shared out among the gateways. Sends until `goesOn` says no; counts the statuses. */
async function load(gateways: readonly Started[], goesOn: (sent: number) => boolean) {
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const statuses = new Map<number, number>();
  let sent = 0;
  await Promise.all(
    agents.map(async (agent, index) => {
      const port = gateways[index % gateways.length]?.port ?? 0;
      while (goesOn(sent)) {
        sent += 1;
        const status = await request(port, '/limited', {}, agent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  for (const agent of agents) agent.destroy();
  return (status: number): number => statuses.get(status) ?? 0;
}

function request(port: number, path: string, headers: OutgoingHttpHeaders, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers, ...(agent === undefined ? {} : { agent }) };
    get(options, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject);
  });
}

for (const limit of [63, 500]) {
  test(`two gateways on one Redis with 64 connections admit exactly ${limit}, through reloads`, async (t) => {
    await using server = await sharedRedis();
    const own = { prefix: ownPrefix() };
    const config = (): ReturnType<typeof configOf> => configOf(server.url, limit, own);
    const gateways = [await startGateway(t, config()), await startGateway(t, config())];
    let reloads: Promise<void>[] = [];
    const of = await load(gateways, (sent) => {
      if (sent % 100 === 50)
        reloads = [...reloads, ...gateways.map(({ gateway }) => gateway.apply(config()))];
      return sent < 900;
    });
    await Promise.all(reloads);
    assert.ok(reloads.length >= 10);
    assert.equal(of(200), limit);
    assert.equal(of(429) + of(200), 900);
    for (const { log } of gateways) assert.deepEqual(log, []);
  });
}

test('leased: never more than the limit, and no less than it without the blocks in hand', async (t) => {
  await using server = await sharedRedis();
  const config = configOf(server.url, 400, { prefix: ownPrefix(), counters: 'leased', leasePercent: 10 });
  const gateways = [await startGateway(t, config), await startGateway(t, config)];
  const of = await load(gateways, (sent) => sent < 2000);
  assert.ok(of(200) <= 400 && of(200) >= 400 - 2 * 40, `${of(200)}`);
  assert.equal(of(200) + of(429), 2000);
});

test('Redis stopped and started under load: nothing fails, machines count by themselves meanwhile, then exact', async (t) => {
  await using server = await startRedis();
  const config = (limit: number): ReturnType<typeof configOf> => configOf(server.url, limit);
  const gateways = [await startGateway(t, config(300)), await startGateway(t, config(300))];
  const first = await load(gateways, (sent) => sent < 800);
  assert.equal(first(200), 300);
  let killed: Promise<void> | undefined;
  const during = await load(gateways, (sent) => {
    if (sent === 100) killed = server.kill();
    return sent < 1500;
  });
  await killed;
  assert.equal(during(200) + during(429), 1500, 'served or throttled, nothing else');
  const rest = await load(gateways, (sent) => sent < 1500);
  assert.equal(rest(200) + rest(429), 1500);
  assert.equal(during(200) + rest(200), 600, 'each by its own count');
  let isBack = false;
  const restarted = server.restart();
  const reached = (): boolean => gateways.every(({ log }) => log.some(({ level }) => level === 'info'));
  const over = until(() => (isBack = reached()), 'both have reached it', 20_000);
  const returning = await load(gateways, () => !isBack);
  await Promise.all([restarted, over]);
  // The server forgot: it admits anew, and both gateways together no more than that.
  const last = await load(gateways, (sent) => sent < 800);
  assert.equal(returning(200) + last(200), 300);
  assert.equal(returning(500) + returning(503), 0);
  assert.equal(last(429), 800 - last(200));
  for (const { log } of gateways)
    assert.deepEqual(
      log.map(({ level }) => level),
      ['warn', 'info'],
    );
});

/** What an official client sends; a copy of it is a replay. */
async function signedRequest(): Promise<OutgoingHttpHeaders> {
  const server = createServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const came = once(server, 'request');
  await new aliyun.Client('200000001', secret).get(`http://127.0.0.1:${port}/signed`, { timeout: 30_000 });
  const [{ headers }] = (await came) as [{ headers: OutgoingHttpHeaders }];
  server.closeAllConnections();
  server.close();
  return { ...headers, connection: 'close' };
}

test('a nonce is good once, whichever gateway it is sent to; without the store nothing signed is served', async (t) => {
  await using server = await startRedis();
  const [one, two] = [
    await startGateway(t, configOf(server.url, 1)),
    await startGateway(t, configOf(server.url, 1)),
  ];
  const signed = await signedRequest();
  assert.equal(await request(one.port, '/signed', signed), 200);
  assert.equal(await request(two.port, '/signed', signed), 401);
  assert.equal(await request(one.port, '/signed', signed), 401);
  const another = await signedRequest();
  await server.kill();
  assert.equal(await request(two.port, '/signed', another), 503);
  assert.equal(await request(two.port, '/limited', {}), 200);
  await server.restart();
  await until(() => two.log.at(-1)?.level === 'info', 'it has reached the store', 20_000);
  assert.equal(await request(two.port, '/signed', another), 200);
});

test(
  'a changed section is another connection; the old one is closed when nobody uses it',
  { timeout: 60_000 },
  async (t) => {
    await using before = await startRedis();
    await using after = await startRedis();
    const clients = [new Redis(before.port), new Redis(after.port)];
    t.after(() => clients.forEach((client) => client.disconnect()));
    const connected = async (): Promise<number[]> =>
      Promise.all(
        clients.map(
          async (client) => String(await client.client('LIST')).match(/name=tapgate /g)?.length ?? 0,
        ),
      );
    const { gateway, log } = await startGateway(t, configOf(before.url, 5));
    assert.deepEqual(await connected(), [1, 0]);
    for (let turn = 0; turn < 5; turn += 1) await gateway.apply(configOf(before.url, 5 + turn));
    assert.deepEqual(await connected(), [1, 0], 'the section is what it was');
    const held = gateway.current();
    held.enter();
    await gateway.apply(configOf(after.url, 5));
    assert.deepEqual(await connected(), [1, 1], 'a request is still under way');
    held.leave();
    while ((await connected())[0] !== 0);
    const { snapshot } = await gateway.build(configOf(before.url, 5));
    snapshot.retire();
    assert.deepEqual(await connected(), [0, 1], 'building, as `check` does, connects to nothing');
    await gateway.apply(configOf(undefined, 5));
    while ((await connected())[1] !== 0);
    assert.deepEqual(log, []);
  },
);
