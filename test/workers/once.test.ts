import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Fleet, ask, pause } from './support.ts';

/** A server whose health checks are counted, and which fails them when it is told to. */
const checked = { count: 0, isGood: true };
const backend = createServer((request, response) => {
  if (request.url === '/health') checked.count += 1;
  response.statusCode = request.url === '/health' && !checked.isGood ? 500 : 200;
  response.end('served');
}).listen(0, '127.0.0.1');
await once(backend, 'listening');
after(() => backend.close());
const { port } = backend.address() as AddressInfo;

const says = `import { definePlugin, reply } from 'tapgate/sdk';
export default definePlugin({
  name: 'says',
  summary: 'Says a key that is the same in all workers.',
  bind: (_config, kit) => ({ preAuth: () => reply(200, {}, process.pid + ' ' + kit.machine.key('k').toString('hex')) }),
});
`;

const fleet = await Fleet.start(
  {
    workers: 2,
    extensions: { probe: { source: './probe' }, says: { source: './says' } },
    plugins: { says: { type: 'says' } },
    bindings: [{ plugin: 'says', apis: ['g/key'] }],
    channels: {
      pool: {
        port,
        members: [{ address: '127.0.0.1' }],
        healthCheck: {
          protocol: 'http',
          path: '/health',
          healthyThreshold: 1,
          unhealthyThreshold: 1,
          timeoutSeconds: 1,
          intervalSeconds: 2,
        },
      },
    },
    apis: {
      'g/key': {
        request: { method: 'GET', path: '/key' },
        auth: 'none',
        backend: { type: 'mock', body: '' },
      },
      'g/pool': {
        request: { method: 'GET', path: '/pool' },
        auth: 'none',
        backend: { type: 'http', channel: 'pool' },
      },
    },
  },
  { 'says/plugin.ts': says },
);

test('a member is checked once a machine, every worker knows, and the next main worker goes on', async () => {
  await fleet.until(({ plugins }) => JSON.stringify(plugins['channels'] ?? []).includes('"healthy"'));
  const status = (await fleet.status()) as unknown as { workers: { plugins: object }[] };
  assert.deepEqual(
    status.workers.map((worker) => worker.plugins),
    [{}, {}],
    'all say what the main one says',
  );
  const before = checked.count;
  await pause(5000);
  const checks = checked.count - before;
  assert.ok(checks >= 1 && checks <= 3, `${checks} checks in 5 s, one every 2 s`);

  const { workers } = await fleet.settled(2);
  process.kill(workers.find(({ isMain }) => isMain)?.pid ?? 0, 'SIGKILL');
  checked.isGood = false;
  await fleet.until(({ plugins }) => JSON.stringify(plugins['channels'] ?? []).includes('"unhealthy"'));
  await fleet.settled(2);
  const answers = await Promise.all(Array.from({ length: 12 }, () => ask(fleet.port, '/pool')));
  assert.ok(
    answers.every((answer) => answer.status === 502 || answer.status === 503),
    JSON.stringify(answers[0]),
  );
});

test('keys are the same in all workers, and in those that come later', async () => {
  const { workers } = await fleet.settled(2);
  const keys = async (): Promise<{ pids: number; keys: string[] }> => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => ask(fleet.port, '/key')));
    const said = answers.map(({ body }) => body.split(' '));
    return {
      pids: new Set(said.map(([pid]) => pid)).size,
      keys: [...new Set(said.map(([, key = '']) => key))],
    };
  };
  const first = await keys();
  assert.deepEqual([first.pids, first.keys.length], [2, 1]);
  process.kill(workers[0]?.pid ?? 0, 'SIGKILL');
  await fleet.until(
    (status) => status.workers.length === 2 && status.workers.every(({ pid }) => pid !== workers[0]?.pid),
  );
  assert.deepEqual((await keys()).keys, first.keys);
});
