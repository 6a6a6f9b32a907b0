/** Sixty windows of a limit, and twenty changes of the configuration meanwhile: `node --test test/workers/run-windows.ts` */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitedFleet, windows } from './windows.ts';

void test('sixty seconds, each with a hundred', async (t) => {
  const told = await windows(t, await limitedFleet(), { count: 60, changes: 20 });
  const wrong = told.filter(({ admitted, expected }) => admitted !== expected);
  t.diagnostic(`asked: ${told.map(({ asked }) => asked).join(' ')}`);
  t.diagnostic(`admitted: ${told.map(({ admitted }) => admitted).join(' ')}`);
  assert.deepEqual(wrong, []);
});
