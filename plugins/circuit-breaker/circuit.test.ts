import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Admission, type Change, Circuit, type Settings } from './circuit.ts';
import type { Trip } from './windows.ts';

const start = 1_700_000_000_000;

class Run {
  now = start;
  readonly changes: string[] = [];
  readonly circuit: Circuit;

  constructor(trip: Trip, settings: Partial<Settings> = {}) {
    const all = { trip, windowMs: 10_000, openMs: 15_000, probes: 2, ...settings };
    this.circuit = new Circuit(all, ({ from, to }: Change) => this.changes.push(`${from} ${to}`));
  }

  admit(): Admission | undefined {
    return this.circuit.admit(this.now);
  }

  /** Calls that end at once. Answers how many were let through. */
  calls(count: number, isFailure: boolean): number {
    let admitted = 0;
    for (let index = 0; index < count; index += 1) {
      const admission = this.admit();
      if (admission === undefined) continue;
      admitted += 1;
      this.circuit.settle(admission, isFailure, this.now);
    }
    return admitted;
  }

  get state(): string {
    return this.circuit.status(this.now).state;
  }
}

const three: Trip = { kind: 'count', failures: 3 };

suite('so many failures in a window', () => {
  test('open it with the last of them, not before', () => {
    const run = new Run(three);
    assert.equal(run.calls(2, true), 2);
    assert.equal(run.calls(5, false), 5);
    assert.equal(run.state, 'closed');
    assert.equal(run.calls(4, true), 1);
    assert.equal(run.state, 'open');
    assert.deepEqual(run.changes, ['closed open']);
  });

  test('that are older than the window do not count, for any start and any gaps', () => {
    for (let offset = 0; offset < 1000; offset += 137) {
      const run = new Run(three);
      run.now += offset;
      for (let round = 0; round < 6; round += 1) {
        run.calls(1, true);
        // Two of these are within any eleven seconds.
        run.now += 5600;
      }
      assert.equal(run.state, 'closed');
      run.calls(2, true);
      assert.equal(run.state, 'open');
    }
  });

  test('count for the whole window', () => {
    const run = new Run(three);
    run.calls(1, true);
    run.now += 5000;
    run.calls(1, true);
    run.now += 4999;
    run.calls(1, true);
    assert.equal(run.state, 'open');
  });

  test('a long silence forgets all of them', () => {
    const run = new Run(three);
    run.calls(2, true);
    run.now += 86_400_000;
    run.calls(2, true);
    assert.deepEqual(run.circuit.status(run.now).failures, 2);
    assert.equal(run.state, 'closed');
  });
});

suite('so large a part of a window', () => {
  const half: Trip = { kind: 'percentage', minCalls: 4, percentage: 50 };

  test('is judged at the end of the window', () => {
    const run = new Run(half);
    run.calls(4, true);
    assert.equal(run.state, 'closed');
    run.now += 9999;
    assert.equal(run.state, 'closed');
    run.now += 1;
    assert.equal(run.state, 'open');
    assert.equal(run.circuit.status(run.now).retryInMs, 15_000);
  });

  test('one that is too small, or has too few calls, is not', () => {
    for (const [failures, successes] of [
      [2, 3],
      [3, 0],
    ] as const) {
      const run = new Run(half);
      run.calls(failures, true);
      run.calls(successes, false);
      run.now += 10_000;
      assert.equal(run.calls(1, false), 1);
      assert.deepEqual(run.changes, []);
      // A new window has begun.
      assert.deepEqual(run.circuit.status(run.now).calls, 1);
    }
  });

  test('opens when the window ended, whenever that is noticed', () => {
    const run = new Run(half);
    run.calls(4, true);
    run.now += 10_000 + 14_999;
    assert.equal(run.admit(), undefined);
    run.now += 1;
    assert.notEqual(run.admit(), undefined);
    assert.deepEqual(run.changes, ['closed open', 'open half-open']);
  });
});

suite('half open', () => {
  const opened = (): Run => {
    const run = new Run(three);
    run.calls(3, true);
    run.now += 15_000;
    return run;
  };

  test('lets a few through at a time, and closes when as many succeeded', () => {
    const run = opened();
    const [first, second] = [run.admit(), run.admit()];
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(run.admit(), undefined);
    run.circuit.settle(first, false, run.now);
    assert.equal(run.state, 'half-open');
    run.circuit.settle(second, false, run.now);
    assert.equal(run.state, 'closed');
    // What was counted before it opened is forgotten.
    assert.equal(run.calls(2, true), 2);
    assert.equal(run.state, 'closed');
    assert.deepEqual(run.changes, ['closed open', 'open half-open', 'half-open closed']);
  });

  test('opens again with the first that fails; what comes back later says nothing', () => {
    const run = opened();
    const [first, second] = [run.admit(), run.admit()];
    assert.ok(first !== undefined && second !== undefined);
    run.circuit.settle(first, true, run.now);
    run.circuit.settle(second, true, run.now);
    assert.deepEqual(run.changes, ['closed open', 'open half-open', 'half-open open']);
    run.now += 14_999;
    assert.equal(run.admit(), undefined);
    run.now += 1;
    assert.notEqual(run.admit(), undefined);
  });

  test('probes that are abandoned or never end do not block it', () => {
    const run = opened();
    for (let round = 0; round < 10; round += 1) {
      const probe = run.admit();
      assert.ok(probe !== undefined);
      run.circuit.release(probe);
    }
    const lost = [run.admit(), run.admit()];
    assert.equal(run.admit(), undefined);
    run.now += 14_999;
    assert.equal(run.admit(), undefined);
    run.now += 1;
    assert.equal(run.calls(2, false), 2);
    assert.equal(run.state, 'closed');
    for (const probe of lost) if (probe !== undefined) run.circuit.settle(probe, true, run.now);
    assert.equal(run.circuit.status(run.now).failures, 0);
  });

  test('a call from before it opened that ends now is no probe', () => {
    const run = new Run(three);
    const slow = run.admit();
    assert.ok(slow !== undefined);
    run.calls(3, true);
    run.now += 15_000;
    run.circuit.settle(slow, true, run.now);
    assert.equal(run.state, 'half-open');
  });
});

test('whatever happens, it never admits more than it may, and opens for no fewer failures', () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 50; round += 1) {
    const run = new Run(three, { probes: 3 });
    const inFlight: Admission[] = [];
    for (let step = 0; step < 400; step += 1) {
      run.now += Math.floor(random() * 3000);
      const before = run.state;
      const admission = run.admit();
      if (before === 'open') assert.equal(admission, undefined);
      if (before === 'closed') assert.notEqual(admission, undefined);
      if (admission !== undefined) inFlight.push(admission);
      assert.ok(run.circuit.status(run.now).probesInFlight <= 3);
      const ended =
        random() < 0.6 ? inFlight.splice(Math.floor(random() * inFlight.length), 1)[0] : undefined;
      if (ended === undefined) continue;
      if (random() < 0.1) run.circuit.release(ended);
      else run.circuit.settle(ended, random() < 0.4, run.now);
    }
    for (const [index, change] of run.changes.entries()) {
      const from = index === 0 ? 'closed' : run.changes[index - 1]?.split(' ')[1];
      assert.equal(change.split(' ')[0], from);
    }
  }
});
