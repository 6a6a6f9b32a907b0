import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse, reply } from '#sdk';
import { type MemoryBackend, VirtualClock } from '#sdk/testing';
import { Servers, addressOf, codeOf, configOf, gatewayOf, members, served } from './testing.ts';

const weighted = [
  { address: 'a', weight: 3 },
  { address: 'b', weight: 1 },
];

test('weights of 3 and 1 share 4,000 requests 3,000 to 1,000, evenly at all times', async () => {
  const servers = new Servers('a', 'b');
  const order: string[] = [];
  servers.onRequest = (name) => order.push(name);
  await using gateway = await closing(gatewayOf({ channel: { members: weighted }, servers }));
  assert.deepEqual(await served(gateway, 4000), { a: 3000, b: 1000 });
  assert.match(order.join(''), /^(?:aaba)+$/);
});

test('positions outlive a reload, and other weights hold at once', async () => {
  const servers = new Servers('a', 'b');
  const order: string[] = [];
  servers.onRequest = (name) => order.push(name);
  const channel = { members: weighted };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  for (let index = 0; index < 400; index += 1) {
    await served(gateway, 1);
    await gateway.reload(configOf({ channel }));
  }
  assert.match(order.join(''), /^(?:aaba)+$/);
  await gateway.reload(configOf({ channel: { members: members('a', 'b') } }));
  assert.deepEqual(await served(gateway, 10), { a: 5, b: 5 });
  const extreme = [
    { address: 'a', weight: 10_000 },
    { address: 'b', weight: 1 },
  ];
  await gateway.reload(configOf({ channel: { members: extreme } }));
  assert.deepEqual(await served(gateway, 500), { a: 500 });
  // Nothing of the 10,000 is left over.
  await gateway.reload(configOf({ channel: { members: members('a', 'b') } }));
  assert.deepEqual(await served(gateway, 10), { a: 5, b: 5 });
});

test('a refused configuration does not disturb positions', async () => {
  const servers = new Servers('a', 'b');
  await using gateway = await closing(gatewayOf({ channel: { members: weighted }, servers }));
  await served(gateway, 1);
  const wrong = configOf({ channel: { members: members('a', 'b') }, backend: { retries: 9 } });
  await assert.rejects(gateway.reload(wrong), /retries/);
  assert.deepEqual(await served(gateway, 3), { a: 2, b: 1 });
});

test('weight 0 and disabled get nothing; a backup only while no other is live', async () => {
  const servers = new Servers('a', 'b', 'c', 'd');
  const channel = {
    members: [
      { address: 'a' },
      { address: 'b', weight: 0 },
      { address: 'c', enabled: false },
      { address: 'd', backup: true },
    ],
    ejection: { failures: 1 },
  };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  assert.deepEqual(await served(gateway, 20), { a: 20 });
  servers.down.add('a');
  assert.deepEqual(await served(gateway, 20), { d: 20 });
});

test('groups share by their weights, whatever their members; an API may take one group', async () => {
  const servers = new Servers('a', 'b', 'c');
  const channel = {
    groups: { blue: { weight: 3 }, green: { weight: 1 }, idle: { weight: 0 } },
    members: [
      { address: 'a', group: 'blue' },
      { address: 'b', group: 'blue' },
      { address: 'c', group: 'green', weight: 100 },
    ],
  };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  assert.deepEqual(await served(gateway, 800), { a: 300, b: 300, c: 200 });
  await gateway.reload(configOf({ channel, backend: { memberGroup: 'blue' } }));
  assert.deepEqual(await served(gateway, 10), { a: 5, b: 5 });
});

test('the least busy gets the request, as its weight says; what is answered, refused or abandoned counts no more', async () => {
  const servers = new Servers('a', 'b');
  const waiting: (() => void)[] = [];
  const backends = Object.fromEntries(
    ['a', 'b'].map((name) => [
      `http://${addressOf(name)}:1`,
      () =>
        new Promise<ReturnType<typeof reply>>((resolve) => {
          waiting.push(() => resolve(reply(200, {}, name)));
        }),
    ]),
  );
  Object.assign(servers.backends, backends);
  const channel = { algorithm: 'weighted-least-connection', members: weighted };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  const first = Array.from({ length: 8 }, () => gateway.request('GET', '/'));
  await Promise.resolve();
  for (const answer of waiting.splice(0)) answer();
  const counts = (await Promise.all(first)).map(({ text }) => text);
  assert.equal(counts.filter((name) => name === 'a').length, 6);
  // Nothing is left in hand: as many again are shared in the same way.
  const second = Array.from({ length: 8 }, () => gateway.request('GET', '/'));
  await Promise.resolve();
  for (const answer of waiting.splice(0)) answer();
  const again = (await Promise.all(second)).map(({ text }) => text);
  assert.equal(again.filter((name) => name === 'a').length, 6);
});

test('a source address, or a path, keeps its member', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const servers = new Servers(...names);
  const channel = { algorithm: 'source-hash', members: members(...names) };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  const from = (index: number) =>
    gateway.request('GET', `/${index}`, { clientAddress: `10.0.0.${index % 50}` });
  const first = await Promise.all(Array.from({ length: 50 }, (_each, index) => from(index)));
  const second = await Promise.all(Array.from({ length: 50 }, (_each, index) => from(index + 50)));
  assert.deepEqual(
    second.map(({ text }) => text),
    first.map(({ text }) => text),
  );
  assert.equal(new Set(first.map(({ text }) => text)).size, names.length);
  await gateway.reload(configOf({ channel: { ...channel, algorithm: 'uri-hash' } }));
  const asked = (index: number, query: string) =>
    gateway.request('GET', `/${index % 50}?${query}`, { clientAddress: `10.0.0.${index}` });
  const one = await Promise.all(Array.from({ length: 50 }, (_each, index) => asked(index, 'a=1')));
  const two = await Promise.all(Array.from({ length: 50 }, (_each, index) => asked(index + 50, 'a=2')));
  assert.deepEqual(
    two.map(({ text }) => text),
    one.map(({ text }) => text),
  );
  assert.equal(new Set(one.map(({ text }) => text)).size, names.length);
});

test('a hash moves only the keys of the member that is gone, to others as their weights say', async () => {
  const servers = new Servers('a', 'b', 'c', 'd');
  const channel = { algorithm: 'uri-hash', members: members('a', 'b', 'c', 'd'), ejection: { failures: 1 } };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  const texts = async (): Promise<string[]> => {
    const answers = Array.from({ length: 400 }, (_each, index) => gateway.request('GET', `/${index}`));
    return (await Promise.all(answers)).map(({ text }) => text);
  };
  const before = await texts();
  servers.down.add('b');
  const after = await texts();
  for (const [index, name] of before.entries()) {
    if (name === 'b') assert.notEqual(after[index], 'b');
    else assert.equal(after[index], name);
  }
});

test('a member that refuses is passed over: any request that did not leave may go elsewhere', async () => {
  const servers = new Servers('a', 'b', 'c');
  servers.down.add('a');
  const channel = { members: members('a', 'b', 'c'), ejection: { failures: 0 } };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  const posts = await served(gateway, 30, () => gateway.request('POST', '/', { body: 'content' }));
  assert.deepEqual(Object.keys(posts).sort(), ['b', 'c']);
  servers.down.add('b');
  await gateway.reload(configOf({ channel, backend: { retries: 2 } }));
  assert.deepEqual(await served(gateway, 30), { c: 30 });
  await gateway.reload(configOf({ channel, backend: { retries: 0 } }));
  const counts = await served(gateway, 30);
  assert.deepEqual(counts, { c: 10, '502 APIG.0201': 20 });
});

test('a call that was lost on the way is tried elsewhere only where doing it twice is as good as once', async () => {
  const servers = new Servers('a', 'b');
  const methods: string[] = [];
  const lose: MemoryBackend = ({ method }) => {
    methods.push(method);
    return refuse('backend-unavailable', { cause: 'ECONNRESET' });
  };
  Object.assign(servers.backends, { [`http://${addressOf('a')}:1`]: lose });
  const channel = {
    members: [{ address: 'a', weight: 10_000 }, { address: 'b' }],
    ejection: { failures: 0 },
  };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
    assert.equal((await gateway.request(method, '/')).status, 200, method);
  for (const method of ['POST', 'PATCH']) {
    const answer = await gateway.request(method, '/');
    assert.equal(`${answer.status} ${codeOf(answer)}`, '502 APIG.0201', method);
  }
  assert.equal(methods.length, 7);
});

test('nobody left to try is a 502 APIG.0610, as is nobody live', async () => {
  const servers = new Servers('a', 'b');
  servers.down.add('a').add('b');
  await using gateway = await closing(gatewayOf({ channel: { members: members('a', 'b') }, servers }));
  assert.deepEqual(await served(gateway, 20), { '502 APIG.0610': 20 });
  servers.down.clear();
  assert.equal((await gateway.request('GET', '/')).status, 200, 'the last member is never ejected');
});

test('failures in a row eject a member; one request after its time brings it back, or does not', async () => {
  const servers = new Servers('a', 'b');
  const clock = new VirtualClock();
  let triedA = 0;
  servers.onRequest = (name) => {
    if (name === 'a') triedA += 1;
  };
  servers.down.add('a');
  const channel = { members: members('a', 'b'), ejection: { failures: 3, seconds: 10 } };
  await using gateway = await closing(gatewayOf({ channel, servers, clock }));
  assert.deepEqual(await served(gateway, 20), { b: 20 });
  assert.equal(triedA, 3);
  clock.advance(9_999);
  await served(gateway, 20);
  assert.equal(triedA, 3, 'its time is not over');
  clock.advance(1);
  await served(gateway, 20);
  assert.equal(triedA, 4, 'one request tries it');
  await gateway.reload(configOf({ channel }));
  await served(gateway, 20);
  assert.equal(triedA, 4, 'an ejection outlives a reload');
  servers.down.clear();
  clock.advance(10_000);
  const counts = await served(gateway, 20);
  assert.ok((counts['a'] ?? 0) >= 9, 'it is back');
  const told = gateway.log.filter(({ message }) => message.includes('left out'));
  assert.equal(told.length, 1);
  assert.equal(told[0]?.fields['channel'], 'pool');
});

test("the Host is the API's own, else the caller's", async () => {
  const servers = new Servers('a');
  const channel = { members: members('a') };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  await gateway.request('GET', 'http://www.example.com/');
  await gateway.reload(configOf({ channel, backend: { hostHeader: 'orders.internal' } }));
  await gateway.request('GET', 'http://www.example.com/');
  assert.deepEqual(
    gateway.backendRequests.map(({ host, origin }) => [host, origin]),
    [
      ['www.example.com', `http://${addressOf('a')}:1`],
      ['orders.internal', `http://${addressOf('a')}:1`],
    ],
  );
});

test('a channel may stand for another load balancer', async () => {
  const servers = new Servers('lb.example.com');
  await using gateway = await closing(gatewayOf({ channel: { elb: 'lb.example.com' }, servers }));
  assert.deepEqual(await served(gateway, 3), { 'lb.example.com': 3 });
});

test('explain tells the members of the channel and how they are', async () => {
  const servers = new Servers('a', 'b');
  servers.down.add('a');
  const channel = {
    members: [
      { address: 'a', weight: 3 },
      { address: 'b', backup: true },
      { address: 'c', enabled: false },
    ],
    ejection: { failures: 1 },
  };
  await using gateway = await closing(gatewayOf({ channel, servers }));
  await gateway.request('GET', '/');
  const described = () => gateway.describe('GET', '/').filter((line) => line.startsWith('backend: '));
  assert.deepEqual(described(), [
    'backend: channel pool: weighted-round-robin',
    'backend:   192.0.2.97, port 1, weight 3, health unknown, left out after failed calls',
    'backend:   192.0.2.98, port 1, weight 1, backup, health unknown',
    'backend:   192.0.2.99, port 1, weight 1, not enabled',
  ]);
  const groups = { blue: {}, green: {} };
  const members = [
    { address: 'a', group: 'blue' },
    { address: 'b', group: 'green' },
  ];
  await gateway.reload(configOf({ channel: { groups, members }, backend: { memberGroup: 'green' } }));
  assert.deepEqual(described(), [
    'backend: channel pool: weighted-round-robin, group green',
    'backend:   192.0.2.98, port 1, weight 1, group green, health unknown',
  ]);
});

test('a route may leave the channel for an address, and an address for a channel', async () => {
  const servers = new Servers('a', 'b', 'z');
  const channel = { members: members('a', 'b') };
  const { apis, ...others } = configOf({
    channel,
    backend: { retries: 1, hostHeader: 'pool.internal' },
  });
  const parameters = { elsewhere: 'Query:elsewhere' };
  const when = "$elsewhere = 'y'";
  const route = (own: object, backend: object) => ({
    ...others,
    apis: { 'g/api': { ...apis['g/api'], backend: own } },
    plugins: {
      route: { type: 'backend-routing', config: { parameters, routes: [{ name: 'r', when, backend }] } },
    },
    bindings: [{ plugin: 'route', apis: ['*'] }],
  });
  const elsewhere = { address: `http://${addressOf('z')}:1` };
  const pool = apis['g/api'].backend;
  await using gateway = await closing(gatewayOf({ channel, servers }));
  const both = async (): Promise<string[]> => {
    const answers = [await gateway.request('GET', '/'), await gateway.request('GET', '/?elsewhere=y')];
    return answers.map(({ text }) => text);
  };
  await gateway.reload(route(pool, elsewhere));
  assert.deepEqual(await both(), ['a', 'z']);
  await gateway.reload(route({ type: 'http', ...elsewhere }, { channel: 'pool', retries: 1 }));
  assert.deepEqual(await both(), ['z', 'b']);
});

/** A gateway that is closed when the test ends. */
async function closing(starting: ReturnType<typeof gatewayOf>) {
  const gateway = await starting;
  return Object.assign(gateway, { [Symbol.asyncDispose]: () => gateway.close() });
}
