import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Params, reply } from '#sdk';
import { type TestGateway, TestMachine, VirtualClock, testGateway } from '#sdk/testing';
import { purgePage } from './purge.ts';
import { MemoryStore } from './memory-store.ts';
import plugin from './plugin.ts';

const root = {
  groups: { g: { domains: ['*'] } },
  throttling: { defaultPerSecond: 0 },
  apis: {
    'g/a': {
      request: { method: 'ANY', path: '/', match: 'prefix' },
      auth: 'none',
      backend: { type: 'http', address: 'http://b' },
    },
  },
  plugins: { cache: { type: 'caching' } },
  bindings: [{ plugin: 'cache', apis: ['g/*'] }],
};

async function twoWorkers() {
  const machine = new TestMachine(2);
  const clock = new VirtualClock();
  const backends = { '*': () => reply(200, { 'cache-control': 'max-age=60' }, 'x') };
  const start = (worker: TestMachine['workers'][number]) =>
    testGateway({ config: root, plugins: [plugin], clock, backends, worker });
  const gateways = await Promise.all(machine.workers.map(start));
  /** Whether each has it. */
  const have = async (path: string): Promise<boolean[]> =>
    Promise.all(
      gateways.map(async (gateway) => {
        const before = gateway.backendRequests.length;
        await gateway.request('GET', path);
        return gateway.backendRequests.length === before;
      }),
    );
  return { gateways: gateways as [TestGateway, TestGateway], have };
}

/** What is told together is told when the loop turns. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what a request to one worker changes, the others forget, and nothing else', async () => {
  const { gateways, have } = await twoWorkers();
  for (const path of ['/1', '/2']) await have(path);
  assert.deepEqual(
    [await have('/1'), await have('/2')],
    [
      [true, true],
      [true, true],
    ],
  );
  await gateways[0].request('PUT', '/1');
  await turn();
  assert.deepEqual(
    [await have('/1'), await have('/2')],
    [
      [false, false],
      [true, true],
    ],
  );
  await gateways[1].request('DELETE', '/2');
  await gateways[1].request('DELETE', '/1');
  await turn();
  assert.deepEqual(
    [await have('/1'), await have('/2')],
    [
      [false, false],
      [false, false],
    ],
  );
});

test('what was told is not forgotten again with each configuration', async () => {
  const { gateways, have } = await twoWorkers();
  await gateways[0].request('PUT', '/1');
  await turn();
  await have('/1');
  for (const gateway of gateways) await gateway.reload({ ...root, environments: { TEST: {} } });
  assert.deepEqual(await have('/1'), [true, true]);
  await gateways[1].request('PUT', '/1');
  await turn();
  assert.deepEqual(await have('/1'), [false, false]);
});

test('a purge has a share in every worker, and tells the sum', async () => {
  const page = purgePage(new MemoryStore(1000), () => undefined, []);
  const request = { method: 'POST', body: '{"all":true}', query: Params.parse('') };
  assert.deepEqual(await page.workers?.share(request), { removed: 0 });
  const answer = await page.workers?.merge([{ removed: 2 }, { removed: 3 }], request);
  assert.deepEqual([answer?.status, answer?.body], [200, '{"removed":5}\n']);
  const refused = { ...request, body: '{"all":1}' };
  assert.deepEqual(await page.workers?.share(refused), { removed: 0 });
  assert.equal((await page.workers?.merge([{ removed: 0 }], refused))?.status, 400);
});
