import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Fleet, ask, pause } from './support.ts';

let asked = 0;
const backend = createServer((_request, response) => {
  response.setHeader('cache-control', 'max-age=600');
  response.end(String((asked += 1)));
}).listen(0, '127.0.0.1');
await once(backend, 'listening');
after(() => backend.close());
const address = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;

const api = (path: string) => ({
  request: { method: 'ANY', path, match: 'prefix' },
  auth: 'none',
  backend: { type: 'http', address },
});
const fleet = await Fleet.start({
  workers: 2,
  plugins: {
    probe: { type: 'probe' },
    memory: { type: 'caching', config: { cacheStatus: 'T' } },
    shared: { type: 'caching', config: { cacheStatus: 'T', store: 'shared' } },
  },
  bindings: [
    { plugin: 'probe', apis: ['g/*'] },
    { plugin: 'memory', apis: ['g/memory'] },
    { plugin: 'shared', apis: ['g/shared'] },
  ],
  apis: { 'g/memory': api('/memory'), 'g/shared': api('/shared') },
});

/** A connection to each worker. */
const agents = [0, 1].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
after(() => {
  for (const agent of agents) agent.destroy();
});
const pids = await Promise.all(
  agents.map(async (agent) => (await ask(fleet.port, '/?do=say', { agent })).body),
);
assert.equal(new Set(pids).size, 2);

/** A content, and whether it had been stored. */
async function look(agent: Agent, path: string): Promise<{ call: number; isHit: boolean }> {
  const { headers, body } = await ask(fleet.port, path, { agent });
  return { call: Number(body), isHit: String(headers['cache-status']).includes('hit') };
}

/** Waits until both workers have stored something that is newer than the call. */
async function bothHave(path: string, since: number): Promise<void> {
  const end = performance.now() + 5000;
  const looks = () => Promise.all(agents.map((agent) => look(agent, path)));
  while ((await looks()).some(({ call, isHit }) => !isHit || call <= since)) {
    assert.ok(performance.now() < end, `${path} of after call ${since} is not there`);
    await pause(20);
  }
}

for (const store of ['memory', 'shared'])
  test(`${store}: what a request to one worker changes, or what is purged, all forget`, async () => {
    const path = `/${store}/1`;
    await bothHave(path, 0);
    await ask(fleet.port, path, { agent: agents[0] as Agent, method: 'PUT' });
    const changed = asked;
    assert.ok((await look(agents[0] as Agent, path)).call > changed);
    await bothHave(path, changed);
    const purged = asked;
    const body = JSON.stringify({ api: `g/${store}` });
    const answer = await fleet.page('/caching/purge', { method: 'POST', body });
    assert.deepEqual(JSON.parse(answer.body), { removed: store === 'memory' ? 2 : 0, shared: 'forgotten' });
    await bothHave(path, purged);
  });
