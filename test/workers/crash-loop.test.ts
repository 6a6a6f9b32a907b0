import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFolder } from '../commands/cli.ts';
import { Fleet, ask } from './support.ts';

test('workers that end as soon as they serve start ever later, and it is told; a mended one serves', async () => {
  const trap = join(newFolder(), 'trap');
  const plugin = `import { existsSync } from 'node:fs';
import { definePlugin } from 'tapgate/sdk';
export default definePlugin({
  name: 'fragile',
  summary: 'Ends its process while a file is there.',
  setup() {
    let timer;
    return {
      activate() {
        timer = setInterval(() => existsSync(${JSON.stringify(trap)}) && process.exit(9), 20);
      },
      dispose: () => clearInterval(timer),
    };
  },
});
`;
  const fleet = await Fleet.start(
    { workers: 1, extensions: { probe: { source: './probe' }, fragile: { source: './fragile' } } },
    { 'fragile/plugin.ts': plugin },
  );
  await fleet.settled(1);
  writeFileSync(trap, '');
  await fleet.served.logged('a worker ended', 5);
  const waits = fleet.served.log
    .filter(({ msg }) => msg.includes('a worker ended'))
    .map(({ nextMs }) => Number(nextMs));
  assert.deepEqual(waits.slice(0, 5), [0, 0, 250, 500, 1000]);
  const status = await fleet.until(({ failuresInARow }) => failuresInARow >= 5);
  assert.equal(status.isReady, false);
  assert.equal((await fleet.page('/readyz')).status, 503);
  rmSync(trap);
  // Connections wait for a worker.
  assert.equal((await ask(fleet.port, '/')).body, 'hello');
  assert.equal((await fleet.page('/readyz')).status, 200);
});
