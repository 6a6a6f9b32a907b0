import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { Fleet, Load, ask } from './support.ts';

/** Can be set up in the main worker alone, when it is told so. */
const picky = `import { definePlugin, Options, Type } from 'tapgate/sdk';
export default definePlugin({
  name: 'picky',
  summary: 'Is not content everywhere.',
  section: { name: 'picky', schema: Options({ fails: Type.String() }) },
  setup(section, kit) {
    if (section?.fails === 'elsewhere' && !kit.machine.isMain) kit.problem(['picky', 'fails'], 'not in this worker');
    let activations = 0;
    return {
      activate() {
        if (section?.fails === 'late' && !kit.machine.isMain) throw new Error('not active in this worker');
        activations += 1;
      },
      status: () => ({ activations }),
    };
  },
});
`;

const extensions = { probe: { source: './probe' }, picky: { source: './picky' } };
const fleet = await Fleet.start({ workers: 2, extensions }, { 'picky/plugin.ts': picky });
const body = (text: string) => ({
  'g/b': { request: { method: 'GET', path: '/b' }, auth: 'none', backend: { type: 'mock', body: text } },
});
/** Of both workers, as nobody can say which one a connection gets. */
const answers = async (path: string): Promise<string[]> => {
  const all = await Promise.all(Array.from({ length: 24 }, () => ask(fleet.port, path)));
  return [...new Set(all.map(({ status, body: text }) => `${status} ${text}`))];
};

test('a change is in force in all workers at once', async () => {
  fleet.change({ apis: body('two') });
  await fleet.until(({ configuration }) => configuration.number === 2);
  assert.deepEqual(await answers('/b'), ['200 two']);
});

test('what one worker cannot build, or put in force, changes nothing in any', async () => {
  for (const [fails, said] of [
    ['elsewhere', /gateway\.yaml:\d+:\d+ picky\.fails: not in this worker/],
    ['late', /gateway\.yaml:\d+:\d+ picky: not active in this worker/],
  ] as const) {
    const before = fleet.served.refused.length;
    fleet.change({ apis: body('three'), picky: { fails } });
    await fleet.served.logged('is refused', before + 1);
    assert.match(String(fleet.served.refused.at(-1)?.['problems']), said);
    assert.deepEqual(await answers('/b'), ['200 two']);
  }
  assert.equal((await fleet.status()).configuration.number, 2);
});

test('a port that cannot be had refuses the change; one that can is served by all', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const more = {
    listeners: [
      { port: 0, host: '127.0.0.1' },
      { port, host: '127.0.0.1' },
    ],
  };
  const before = fleet.served.refused.length;
  fleet.change({ apis: body('four'), ...more });
  await fleet.served.logged('is refused', before + 1);
  assert.match(
    String(fleet.served.refused.at(-1)?.['problems']),
    /listeners\[1\]\.port: cannot listen: .*EADDRINUSE/,
  );
  assert.deepEqual(await answers('/b'), ['200 two']);
  taken.close();
  await once(taken, 'close');
  // The same files were refused: SIGHUP has them looked at again.
  fleet.served.kill('SIGHUP');
  await fleet.until(({ configuration }) => configuration.number === 3);
  assert.deepEqual(await answers('/b'), ['200 four']);
  assert.equal((await ask(port, '/b')).body, 'four');
  fleet.change({ apis: body('five') });
  await fleet.until(({ configuration }) => configuration.number === 4);
  await assert.rejects(ask(port, '/b'), /ECONNREFUSED|ECONNRESET/);
  assert.deepEqual(await answers('/b'), ['200 five']);
});

test('twenty changes under load: no request fails', async (t) => {
  const { configuration } = await fleet.status();
  const load = new Load(t, fleet.port);
  await load.more(64);
  for (let turn = 1; turn <= 20; turn += 1) {
    fleet.change({ apis: body(`turn ${turn}`) });
    await fleet.until((status) => status.configuration.number === configuration.number + turn);
  }
  await load.more(64);
  await load.stop();
  assert.deepEqual(
    load.sent.filter(({ status }) => status !== 200).map(({ error, status }) => error ?? status),
    [],
  );
  assert.equal(new Set(load.sent.map(({ pid }) => pid)).size, 2, 'both workers served');
});

test('a worker that starts later has what is in force, whatever the disk holds', async () => {
  await fleet.settled(2);
  const before = fleet.served.refused.length;
  fleet.change({ apis: body('never'), picky: { fails: 'elsewhere' } });
  await fleet.served.logged('is refused', before + 1);
  const { workers } = await fleet.status();
  // The one that waits, and one after it that is yet to be built.
  for (const { pid } of workers) {
    process.kill(pid, 'SIGKILL');
    await fleet.until(
      (status) => status.workers.length === 2 && status.workers.every((each) => each.pid !== pid),
    );
    await fleet.settled(2);
  }
  assert.deepEqual(await answers('/b'), ['200 turn 20']);
  // The one that waited had its changes one by one, and was told once that they come into force.
  assert.deepEqual((await fleet.status()).plugins['picky'], { activations: 1 });
});

test('the number of workers changes with the configuration; one process it cannot become', async () => {
  fleet.change({ workers: 3, apis: body('many') });
  assert.equal((await fleet.settled(3)).workers.length, 3);
  fleet.change({ workers: 1, apis: body('one') });
  await fleet.settled(1);
  assert.deepEqual(await answers('/b'), ['200 one']);
  const before = fleet.served.refused.length;
  fleet.change({ workers: undefined, apis: body('none') });
  await fleet.served.logged('is refused', before + 1);
  assert.match(String(fleet.served.refused.at(-1)?.['problems']), /workers: missing; .* by a restart/);
  assert.deepEqual(await answers('/b'), ['200 one']);
});
