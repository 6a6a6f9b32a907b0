import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Limit, Taken } from '#sdk';
import { slotsInBucket } from '../../core/state/shared-table.ts';
import { VirtualClock } from '#sdk/testing';
import { interrupt, killAt } from './interrupt.ts';
import { type Process, randomFrom, smallBytes, startProcess } from './small-memory.ts';

function processes(clock: Clock = new VirtualClock(10_000)) {
  const buffer = new ArrayBuffer(smallBytes);
  return { start: () => startProcess(buffer, clock) };
}

const limit = (key: string, most: number, periodMs = 1000): Limit => ({ key, limit: most, periodMs });
/** More than any operation makes. */
const steps = 400;

/** Calls for every step that an operation has, and makes sure that there were some. */
function atEachStep(run: (step: number) => boolean): void {
  for (let step = 1; step < steps; step += 1) {
    if (run(step)) continue;
    assert.ok(step > 5, `${step} steps`);
    return;
  }
  assert.fail('the operation does not end');
}

test('whenever another process claims the same key meanwhile, one of both gets it', () => {
  for (const isOld of [false, true])
    atEachStep((step) => {
      const clock = new VirtualClock(10_000);
      const { start } = processes(clock);
      const [one, other] = [start(), start()];
      if (isOld) assert.equal(one.values.claim('key', 50), true);
      clock.advance(100);
      let second = false;
      const claim = (): boolean => one.values.claim('key', 1000);
      const { reached, result } = interrupt(step, () => (second = other.values.claim('key', 1000)), claim);
      if (reached) assert.equal(Number(result) + Number(second), 1, `step ${step}`);
      assert.equal(other.values.claim('key', 1000), false);
      assert.equal(one.values.has('key'), true);
      return reached;
    });
});

test('whenever a slot is taken meanwhile, both keys are kept', () => {
  atEachStep((step) => {
    const clock = new VirtualClock(10_000);
    const { start } = processes(clock);
    const [one, other] = [start(), start()];
    for (let key = 0; key < slotsInBucket; key += 1) one.values.claim(`old ${key}`, 100);
    clock.advance(100);
    const meanwhile = (): void => {
      for (const key of ['b', 'c', 'old 3']) assert.equal(other.values.claim(key, 1000), true);
    };
    const { reached, result } = interrupt(step, meanwhile, () => one.values.claim('a', 1000));
    assert.equal(result, true);
    const kept = reached ? ['a', 'b', 'c', 'old 3'] : ['a'];
    for (const key of kept) assert.equal(one.values.claim(key, 1000), false, `${key} at step ${step}`);
    return reached;
  });
});

test('a limit of one admits one, whenever another process takes it meanwhile, several at a time or alone', () => {
  const [a, b, c] = [limit('a', 1), limit('b', 1), limit('c', 1)];
  const pairs: [Limit[], Limit[]][] = [
    [[a], [a]],
    [
      [a, b],
      [b, a],
    ],
    [[a, b, c], [c]],
    [
      [a, b],
      [c, b],
    ],
  ];
  for (const [mine, theirs] of pairs)
    atEachStep((step) => {
      const { start } = processes();
      const [one, other] = [start(), start()];
      const admitted: Limit[] = [];
      const run = (process: Process, limits: Limit[]): Taken => {
        const taken = process.take(...limits);
        if (taken.refusedBy < 0) admitted.push(...limits);
        return taken;
      };
      const { reached } = interrupt(
        step,
        () => run(other, theirs),
        () => run(one, mine),
      );
      for (const each of [a, b, c]) {
        const count = admitted.filter((found) => found === each).length;
        assert.ok(count <= 1, `${count} of ${each.key} at step ${step}`);
        // What was counted was admitted: the next one gets what is left, and no more.
        assert.equal(one.take(each).refusedBy, count === 0 ? -1 : 0, `${each.key} at step ${step}`);
        assert.equal(other.take(each).refusedBy, 0);
      }
      return reached;
    });
});

test('a process that sleeps anywhere until the period is over and its slots are others is counted in the present one', () => {
  atEachStep((step) => {
    const clock = new VirtualClock(10_250);
    const { start } = processes(clock);
    const [one, other] = [start(), start()];
    for (let key = 0; key < 5; key += 1) one.take(limit(`old ${key}`, 5));
    const hour = limit('hour', 10, 3_600_000);
    const meanwhile = (): void => {
      for (let turn = 0; turn < 3; turn += 1) {
        clock.advance(1100);
        for (let key = 0; key < slotsInBucket - 1; key += 1)
          assert.deepEqual(other.take(limit(`${key}`, 9)).remaining, [8]);
      }
      assert.equal(other.take(limit('a', 1)).refusedBy, -1);
    };
    const act = (): Taken => one.take(limit('a', 1), limit('b', 2), hour);
    const { reached, result } = interrupt(step, meanwhile, act);
    // The last that is done is to look whether the period is over.
    if (reached) assert.deepEqual([result.refusedBy, result.resetMs[0]], [0, 450], `step ${step}`);
    assert.equal(other.take(hour).remaining[0], reached ? 9 : 8, `step ${step}`);
    assert.equal(other.take(limit('a', 1)).refusedBy, 0, `step ${step}`);
    const others = reached ? slotsInBucket - 1 : 0;
    for (let key = 0; key < others; key += 1)
      assert.deepEqual(other.take(limit(`${key}`, 9)).remaining, [7], `${key} at step ${step}`);
    return reached;
  });
});

test('whenever slots get free meanwhile, a key is kept once', () => {
  for (let name = 0; name < 8; name += 1)
    atEachStep((step) => {
      const clock = new VirtualClock(10_000);
      const { start } = processes(clock);
      const [one, other] = [start(), start()];
      for (let key = 0; key < slotsInBucket; key += 1) one.values.claim(`${key}`, key % 2 === 0 ? 100 : 200);
      clock.advance(100);
      let second = false;
      const meanwhile = (): void => {
        clock.advance(100);
        second = other.values.claim(`claimed ${name}`, 1000);
      };
      const { reached, result } = interrupt(step, meanwhile, () => one.values.claim(`claimed ${name}`, 1000));
      if (reached) assert.equal(Number(result) + Number(second), 1, `step ${step}`);
      assert.equal(one.values.has(`claimed ${name}`), true);
      return reached;
    });
});

test('whenever a full bucket gets room meanwhile, a key is not counted in two places', () => {
  atEachStep((step) => {
    const clock = new VirtualClock(10_000);
    const { start } = processes(clock);
    const [one, other] = [start(), start()];
    for (let key = 0; key < slotsInBucket; key += 1) one.take(limit(`${key}`, 9));
    const hour = limit('hour', 1, 3_600_000);
    let admitted = 0;
    const run = (process: Process): void => {
      if (process.take(hour).refusedBy < 0) admitted += 1;
    };
    const meanwhile = (): void => {
      clock.advance(1000);
      run(other);
    };
    const { reached } = interrupt(step, meanwhile, () => run(one));
    clock.advance(1000);
    run(other);
    run(one);
    assert.equal(admitted, 1, `${admitted} at step ${step}`);
    return reached;
  });
});

test('a process that is killed at any step locks nothing, and admits no more', () => {
  atEachStep((step) => {
    const { start } = processes();
    const killed = start();
    const isKilled = killAt(step, () => killed.take(limit('a', 2), limit('b', 2)));
    const other = start();
    for (const key of ['a', 'b']) {
      let admitted = 0;
      for (let turn = 0; turn < 4; turn += 1) if (other.take(limit(key, 2)).refusedBy < 0) admitted += 1;
      assert.ok(admitted === 2 || admitted === 1, `${admitted} of ${key} after step ${step}`);
      if (!isKilled) assert.equal(admitted, 1);
    }
    return isKilled;
  });
});

test('slots are not lost to processes that are killed', () => {
  atEachStep((step) => {
    const { start } = processes();
    const killed = start();
    const isKilled = killAt(step, () => killed.values.claim('killed', 1_000_000));
    const other = start();
    for (let key = 0; key < slotsInBucket - 1; key += 1)
      assert.equal(other.values.claim(`${key}`, 1000), true, `${key} after step ${step}`);
    other.values.claim('killed', 1000);
    assert.throws(() => other.values.claim('one too many', 1000), /as many keys/);
    return isKilled;
  });
});

test('whenever the bucket gets full meanwhile, a key is not counted in two places', () => {
  const fill = (process: { take(limit: Limit): Taken }, from: number, to: number): void => {
    for (let key = from; key < to; key += 1) process.take(limit(`other ${key}`, 100));
  };
  for (const before of [slotsInBucket - 2, slotsInBucket - 1, slotsInBucket])
    atEachStep((step) => {
      const { start } = processes();
      const [one, other] = [start(), start()];
      fill(one, 0, before);
      let admitted = 0;
      const run = (process: Process): void => {
        if (process.take(limit('a', 1)).refusedBy < 0) admitted += 1;
      };
      const meanwhile = (): void => {
        fill(other, before, slotsInBucket + 3);
        run(other);
      };
      const { reached } = interrupt(step, meanwhile, () => run(one));
      run(one);
      assert.equal(admitted, 1, `${admitted} at step ${step}, ${before} before`);
      return reached;
    });
});

test('interruptions of interruptions, at random', () => {
  const random = randomFrom(1);
  for (let run = 0; run < 3000; run += 1) {
    const clock = new VirtualClock(10_000);
    const { start } = processes(clock);
    const all = [start(), start(), start(), start()];
    for (let key = 0; key < 25; key += 1) all[0]?.take(limit(`old ${key}`, 5, 500));
    for (let key = 0; key < 10; key += 1) all[0]?.values.claim(`claim ${key % 3}`, 500);
    clock.advance(600);
    const claims = new Map<string, number>();
    const counts = new Map<string, number>();
    const act = (depth: number): void => {
      const process = all[depth];
      if (process === undefined) return;
      const one = (): void => {
        const key = `claim ${random(3)}`;
        if (random(2) === 0) {
          if (process.values.claim(key, 1000)) claims.set(key, (claims.get(key) ?? 0) + 1);
          return;
        }
        const [left, right] = [`count ${random(4)}`, `count ${random(4)}`];
        const taken = process.take(limit(left, 2), limit(right, 2));
        if (taken.refusedBy < 0)
          for (const name of new Set([left, right])) counts.set(name, (counts.get(name) ?? 0) + 1);
      };
      interrupt(1 + random(60), () => act(depth + 1), one);
      if (random(2) === 0) one();
    };
    for (let turn = 0; turn < 4; turn += 1) act(0);
    for (const [key, count] of claims) assert.equal(count, 1, `${key} in run ${run}`);
    for (const [key, count] of counts) assert.ok(count <= 2, `${count} of ${key} in run ${run}`);
  }
});
