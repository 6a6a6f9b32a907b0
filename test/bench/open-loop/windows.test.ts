import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toFailures } from './open-loop.ts';
import { Windows } from './windows.ts';

test('latency counts from the intended time, in the window of that time', () => {
  const windows = new Windows(1000, 100);
  for (const at of [1000, 1050, 1100]) windows.sent(at);
  windows.answered(1050, 1350);
  windows.answered(1000, 1000.25);
  assert.deepEqual(windows.take(1400), [{ at: 1000, us: [300_000, 250], failed: {} }]);
});

test('a window is kept until its time is over and all of its requests have ended', () => {
  const windows = new Windows(0, 100);
  windows.sent(0);
  windows.answered(0, 1);
  assert.deepEqual(windows.take(99), []);
  windows.sent(99);
  assert.deepEqual(windows.take(100), []);
  windows.failed(99, 'status 502');
  assert.deepEqual(windows.take(100), [{ at: 0, us: [1000], failed: { 'status 502': 1 } }]);
  assert.deepEqual(windows.take(1000), []);
});

test('what has no answer in the end has failed', () => {
  const windows = new Windows(0, 100);
  windows.sent(10);
  windows.sent(20);
  windows.sent(250);
  windows.answered(20, 25);
  const all = windows.takeAll();
  assert.deepEqual(
    all.map(({ at, failed }) => [at, failed]),
    [
      [0, { 'no answer': 1 }],
      [200, { 'no answer': 1 }],
    ],
  );
});

test('failures are added up by their reason', () => {
  const windows = [
    { at: 0, us: [], failed: { 'no answer': 2, 'status 502': 1 } },
    { at: 1, us: [5], failed: { 'no answer': 1 } },
  ];
  assert.deepEqual(toFailures(windows), { count: 4, reasons: '3 x no answer, 1 x status 502' });
  assert.deepEqual(toFailures([]), { count: 0, reasons: '' });
});
