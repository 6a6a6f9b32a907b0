import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Schedule } from './schedule.ts';

test('requests are due evenly spaced, each once', () => {
  const schedule = new Schedule(1000, 500, 1);
  assert.equal(schedule.nextAtMs, 1000);
  assert.deepEqual(schedule.due(999.9), []);
  assert.deepEqual(schedule.due(1000), [1000]);
  assert.deepEqual(schedule.due(1001), []);
  assert.equal(schedule.nextAtMs, 1002);
  assert.deepEqual(schedule.due(1004), [1002, 1004]);
});

test('whoever wakes late gets the times that were meant, not the time it is', () => {
  const schedule = new Schedule(0, 1000, 10);
  assert.deepEqual(schedule.due(0), [0]);
  // Half a second in which nothing ran: all that was due then is sent now, and counts from when it was due.
  const late = schedule.due(500);
  assert.equal(late.length, 500);
  assert.deepEqual([late[0], late.at(-1)], [1, 500]);
});

test('it ends with the last request of the last second', () => {
  const schedule = new Schedule(0, 2000, 3);
  assert.equal(schedule.due(1e9).length, 6000);
  assert.ok(schedule.isDone);
  assert.equal(schedule.nextAtMs, Infinity);
  assert.deepEqual(schedule.due(2e9), []);
});

test('times do not drift', () => {
  const schedule = new Schedule(0, 3, 1_000_000);
  assert.equal(schedule.due(999_999.9).at(-1), 2999 * (1000 / 3));
});

test('stopped, it hands out no more', () => {
  const schedule = new Schedule(0, 1000, 10);
  schedule.due(5);
  schedule.stop();
  assert.ok(schedule.isDone);
  assert.deepEqual(schedule.due(10_000), []);
});
