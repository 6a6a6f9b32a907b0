import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineNote, definePlugin } from '#sdk';
import { testPlugin } from '#sdk/testing';

test('each note is kept under its own key, whatever the name, and set anew in its place', async () => {
  const [one, twin, never] = [defineNote<number>('n'), defineNote<string>('n'), defineNote<number>('n')];
  const seen: unknown[] = [];
  const plugin = definePlugin({
    name: 'notes',
    summary: 'Keeps notes.',
    bind: () => ({
      preAuth({ notes }) {
        notes.set(one, 1);
        notes.set(twin, 'a');
        notes.set(one, 2);
        return undefined;
      },
      response({ exchange: { notes } }) {
        seen.push([notes.get(one), notes.get(twin), notes.get(never)]);
        return undefined;
      },
    }),
  });
  const gateway = await testPlugin(plugin, {});
  await gateway.request('GET', '/');
  assert.deepEqual(seen, [[2, 'a', undefined]]);
});
