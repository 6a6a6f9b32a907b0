import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from './read.ts';
import { watchConfig } from './watch.ts';

test('a log that is written beside a configuration does not make it be read again', async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'tapgate-watch-'));
  const file = join(folder, 'gateway.yaml');
  fs.writeFileSync(file, 'limits: {}\n');
  const applied = Promise.withResolvers<void>();
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { hashes } = readConfig(file, {});
  const watcher = watchConfig(
    file,
    {
      hashes,
      apply: () => {
        applied.resolve();
        return Promise.resolve();
      },
    },
    silent,
  );
  t.after(() => {
    watcher.close();
    fs.rmSync(folder, { recursive: true });
  });
  const read = t.mock.method(fs, 'readFileSync');
  const readings = (): number => read.mock.calls.filter(({ arguments: [name] }) => name === file).length;
  // Many times the quiet time after an event, so that each would have been followed by a reading.
  for (let line = 0; line < 40; line += 1) {
    fs.appendFileSync(join(folder, 'access.log'), 'a line\n');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.ok(readings() <= 1, `${readings()} readings`);
  fs.writeFileSync(file, 'limits: { uriBytes: 1000 }\n');
  await applied.promise;
});
