import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limit, Taken } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import { interrupt, killAt } from './interrupt.ts';
import { type Process, randomFrom, smallBytes, startProcess } from './small-memory.ts';

const limit = (key: string, most: number, periodMs: number): Limit => ({ key, limit: most, periodMs });
const bucket = (key: string, most: number, periodMs: number): Limit => ({
  ...limit(key, most, periodMs),
  isBucket: true,
});

/** A process, and the time by which it counted last. */
interface Timed {
  readonly process: Process;
  counted: number;
}

function timed(buffer: ArrayBuffer, clock: VirtualClock): Timed {
  const one: { process?: Process; counted: number } = { counted: 0 };
  one.process = startProcess(buffer, { now: () => (one.counted = clock.now()) });
  return one as Timed;
}

/** What a bucket that is full at first admitted, by time, is never more than it held. */
function isWithin({ limit: most, periodMs }: Limit, times: readonly number[]): boolean {
  let left = most;
  let before = -Infinity;
  for (const time of times.toSorted((a, b) => a - b)) {
    left = Math.min(most, left + ((time - before) * most) / periodMs) - 1;
    before = time;
    if (left < -1e-6) return false;
  }
  return true;
}

test('whoever comes between, and however late, a bucket admits no more than it holds and gets back', () => {
  const random = randomFrom(5);
  const kinds = [
    bucket('a', 2, 500),
    bucket('b', 3, 1000),
    bucket('c', 1, 70),
    limit('d', 1, 300),
    limit('e', 2, 900),
  ];
  let [admitted, undone] = [0, 0];
  for (let run = 0; run < 4000; run += 1) {
    const clock = new VirtualClock(10_000 + random(1000));
    const buffer = new ArrayBuffer(smallBytes);
    const all = Array.from({ length: 4 }, () => timed(buffer, clock));
    // In some runs there is hardly any room.
    for (let key = 0; key < random(24); key += 1) all[0]?.process.take(limit(`other ${key}`, 5, 20_000));
    const times = new Map<Limit, number[]>(kinds.map((each) => [each, []]));
    const act = (depth: number): void => {
      const own = all[depth];
      if (own === undefined) return;
      for (let turn = 0; turn <= random(2); turn += 1) {
        const chosen = kinds.filter(() => random(3) === 0);
        const meanwhile = (): void => {
          clock.advance([0, 0, 1, 7, 60, 250, 500][random(7)] ?? 0);
          act(depth + 1);
          clock.advance([0, 0, 1, 7, 60, 250][random(6)] ?? 0);
        };
        const take = (): Taken => own.process.take(...chosen);
        const { result } = interrupt(1 + random(50), meanwhile, take);
        if (result.refusedBy < 0) for (const each of chosen) times.get(each)?.push(own.counted);
        if (result.refusedBy < 0) admitted += chosen.length;
        else undone += 1;
      }
    };
    for (let turn = 0; turn < 5; turn += 1) act(0);
    for (const each of kinds) {
      const counted = times.get(each) ?? [];
      if (each.isBucket === true)
        assert.ok(isWithin(each, counted), `${each.key} in run ${run}: ${counted.join(' ')}`);
    }
  }
  assert.ok(admitted > 10_000 && undone > 10_000, `${admitted} and ${undone}`);
});

test('what is given back is not given twice: not what the bucket has got back by itself meanwhile', () => {
  // The count is used up by another process after the bucket was taken from, at whatever step.
  for (const lateMs of [0, 1, 40, 99, 100, 250, 1001])
    for (let step = 1; ; step += 1) {
      const clock = new VirtualClock(20_000);
      const buffer = new ArrayBuffer(smallBytes);
      const [one, other] = [timed(buffer, clock), timed(buffer, clock)];
      const ten = bucket('a', 10, 1000);
      const times: number[] = [];
      const takeFrom = ({ process }: Timed, ...more: Limit[]): number => process.take(ten, ...more).refusedBy;
      const meanwhile = (): void => {
        other.process.take(limit('b', 1, 60_000));
        clock.advance(lateMs);
        if (takeFrom(other) < 0) times.push(other.counted);
      };
      const { reached, result } = interrupt(step, meanwhile, () => takeFrom(one, limit('b', 1, 60_000)));
      if (result < 0) times.push(one.counted);
      for (let turn = 0; turn < 12; turn += 1) if (takeFrom(other) < 0) times.push(other.counted);
      assert.ok(isWithin(ten, times), `${times.join(' ')}: step ${step}, ${lateMs} ms late`);
      // At once all is given back.
      if (lateMs === 0) assert.equal(times.length, 10, `step ${step}`);
      if (!reached) break;
    }
});

test('a process that is killed at any step has taken one request from a bucket at the most', () => {
  for (let step = 1; ; step += 1) {
    const clock = new VirtualClock(20_000);
    const buffer = new ArrayBuffer(smallBytes);
    const four = bucket('a', 4, 1000);
    const isKilled = killAt(step, () => timed(buffer, clock).process.take(four, limit('b', 9, 1000)));
    const { process } = timed(buffer, clock);
    let admitted = 0;
    while (process.take(four).refusedBy < 0) admitted += 1;
    assert.ok(admitted === 3 || (admitted === 4 && isKilled), `${admitted} after step ${step}`);
    clock.advance(1000);
    assert.deepEqual(process.take(four).remaining, [3]);
    if (!isKilled) return;
  }
});
