import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from './deadlines.ts';

class Noted extends Deadline {
  readonly #then: () => void;
  readonly at = performance.now();
  lateAfterMs: number[] = [];

  constructor(then: () => void = () => undefined) {
    super();
    this.#then = then;
  }

  late(): void {
    this.lateAfterMs.push(performance.now() - this.at);
    this.#then();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Nothing else can happen meanwhile. */
function standStill(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

async function late(...deadlines: readonly Noted[]): Promise<void> {
  for (let turns = 0; turns < 1000 && deadlines.some((each) => each.lateAfterMs.length === 0); turns++)
    await pause(5);
}

test('what is not stopped happens once, not before it is due', async () => {
  const one = new Noted();
  const stopped = new Noted();
  one.setDeadline(50);
  stopped.setDeadline(50);
  await pause(10);
  stopped.clearDeadline();
  await late(one);
  await pause(60);
  assert.equal(one.lateAfterMs.length, 1);
  assert.ok((one.lateAfterMs[0] ?? 0) >= 50, String(one.lateAfterMs));
  assert.deepEqual(stopped.lateAfterMs, []);
});

test('what is set anew counts from then', async () => {
  const one = new Noted();
  one.setDeadline(60);
  await pause(45);
  one.setDeadline(60);
  await late(one);
  assert.ok((one.lateAfterMs[0] ?? 0) >= 105, String(one.lateAfterMs));
  one.setDeadline(10);
  await pause(100);
  assert.equal(one.lateAfterMs.length, 2);
});

test('time in which nothing could happen is not counted for what is set at its end', async () => {
  const before = new Noted();
  before.setDeadline(10_000);
  await pause(30);
  standStill(300);
  const one = new Noted();
  one.setDeadline(100);
  await late(one);
  before.clearDeadline();
  assert.ok((one.lateAfterMs[0] ?? 0) >= 100, String(one.lateAfterMs));
});

test('what came while nothing could happen is read before anything is late', async () => {
  const one = new Noted();
  one.setDeadline(100);
  await pause(50);
  await new Promise<void>((resolve) => {
    // Timers come behind this, and what has come on sockets behind those.
    setImmediate(() => {
      standStill(300);
      setImmediate(() => {
        one.clearDeadline();
        resolve();
      });
    });
  });
  await pause(100);
  assert.deepEqual(one.lateAfterMs, []);
});

for (const isFirst of [true, false])
  test(`one that is late may stop others that are, and set them and itself anew (${isFirst})`, async () => {
    const stopped = new Noted();
    const setAnew = new Noted();
    const acting = new Noted(() => {
      if (acting.lateAfterMs.length > 1) return;
      stopped.clearDeadline();
      setAnew.setDeadline(100);
      acting.setDeadline(100);
    });
    const others = [new Noted(), new Noted()];
    const all = [...others, setAnew, stopped];
    for (const each of isFirst ? [acting, ...all] : [...all, acting]) each.setDeadline(1);
    await late(...others, acting);
    await pause(200);
    assert.equal(acting.lateAfterMs.length, 2);
    for (const each of others) assert.equal(each.lateAfterMs.length, 1);
    // Whoever was looked at before had happened already.
    const [wasLate] = stopped.lateAfterMs;
    if (wasLate !== undefined) assert.ok(wasLate <= (acting.lateAfterMs[0] ?? 0) + 5);
    const [again = 0] = setAnew.lateAfterMs.slice(-1);
    assert.ok(again >= (acting.lateAfterMs[0] ?? 0) + 100, `${again}`);
    assert.equal(stopped.lateAfterMs.length + setAnew.lateAfterMs.length, wasLate === undefined ? 1 : 3);
  });

test('one that is far off is late in time', async () => {
  const far = new Noted();
  const farther = new Noted();
  far.setDeadline(2300);
  farther.setDeadline(3_000_000_000);
  await late(far);
  farther.clearDeadline();
  const [ms = 0] = far.lateAfterMs;
  assert.ok(ms >= 2300 && ms < 2600, `${ms}`);
  assert.deepEqual(farther.lateAfterMs, []);
});
