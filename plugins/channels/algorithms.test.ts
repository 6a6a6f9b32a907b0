import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Slot, algorithms } from './algorithms.ts';
import { Endpoint } from './endpoint.ts';
import { hashOf } from './hash.ts';

const clock = { now: () => 0 };

function slots(...weights: readonly number[]): Slot[] {
  return weights.map((weight, index) => {
    const endpoint = new Endpoint(`10.0.0.${index + 1}`, 8080);
    return { endpoint, weight, position: { current: 0 }, seed: hashOf(endpoint.id) };
  });
}

const keys = Array.from({ length: 20_000 }, (_each, index) => hashOf(`/orders/${index}`));

function placed(list: readonly Slot[]): (Slot | undefined)[] {
  return keys.map((key) => algorithms['uri-hash'](list, clock, null, key));
}

for (const count of [2, 3, 5, 10]) {
  test(`one of ${count} members taken away moves its own keys alone, about one in ${count}`, () => {
    const list = slots(...Array.from({ length: count }, () => 1));
    const before = placed(list);
    const gone = list[0];
    const after = placed(list.slice(1));
    const moved = keys.filter((_key, index) => before[index] !== after[index]).length;
    assert.equal(moved, before.filter((slot) => slot === gone).length);
    const share = (moved * count) / keys.length;
    assert.ok(share > 0.9 && share < 1.1, `${moved} of ${keys.length} keys moved`);
    // Those it had are spread over all others.
    for (const slot of list.slice(1)) {
      const got = keys.filter((_key, index) => before[index] === gone && after[index] === slot).length;
      const fair = moved / (count - 1);
      assert.ok(got > fair * 0.7 && got < fair * 1.3, `${got} instead of ${fair}`);
    }
  });
}

test('a hash shares keys as the weights say, and a change of weight moves few', () => {
  const list = slots(1, 2, 3, 4);
  const before = placed(list);
  for (const slot of list) {
    const share = before.filter((each) => each === slot).length / keys.length / (slot.weight / 10);
    assert.ok(share > 0.9 && share < 1.1, `${share} of what the weight says`);
  }
  const heavier = list.map((slot, index) => (index === 3 ? { ...slot, weight: 5 } : slot));
  const after = placed(heavier);
  const moved = keys.filter((_key, index) => before[index]?.endpoint !== after[index]?.endpoint);
  // From 4/10 to 5/11 of all keys, and all that moves goes to it.
  assert.ok(Math.abs(moved.length / keys.length - (5 / 11 - 4 / 10)) < 0.01, `${moved.length} moved`);
  for (const [index] of keys.entries()) {
    if (before[index]?.endpoint !== after[index]?.endpoint) assert.equal(after[index], heavier[3]);
  }
});

test('similar texts are spread evenly', () => {
  const list = slots(1, 1, 1, 1);
  for (const text of [(n: number) => `10.0.${n >> 8}.${n & 255}`, (n: number) => `/a/${n}/b`, String]) {
    const counts = new Map<Slot | undefined, number>();
    for (let n = 0; n < 8000; n += 1) {
      const slot = algorithms['source-hash'](list, clock, null, hashOf(text(n)));
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    for (const count of counts.values()) assert.ok(count > 1800 && count < 2200, `${count} of 2000`);
  }
});

test('round robin is exact for any weights, also while some are left out', () => {
  const list = slots(5, 1, 1, 10_000, 7);
  const counts = new Map<Slot | undefined, number>();
  for (let n = 0; n < 10_014; n += 1) {
    const slot = algorithms['weighted-round-robin'](list, clock, null, 0);
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
  }
  assert.deepEqual(
    list.map((slot) => counts.get(slot)),
    [5, 1, 1, 10_000, 7],
  );
  const heavy = list[3];
  assert.ok(heavy);
  heavy.endpoint.health = 'unhealthy';
  const rest = Array.from({ length: 14 }, () => algorithms['weighted-round-robin'](list, clock, null, 0));
  assert.equal(rest.filter((slot) => slot === list[0]).length, 5);
});

test('the least busy for its weight is chosen, in turn among equals', () => {
  const list = slots(3, 1);
  const choose = algorithms['weighted-least-connection'];
  const idle = Array.from({ length: 3 }, () => choose(list, clock, null, 0));
  assert.deepEqual(idle, [list[0], list[0], list[0]], 'the first call counts a third for the first');
  const equal = slots(1, 1);
  const turns = Array.from({ length: 4 }, () => choose(equal, clock, null, 0));
  assert.deepEqual(turns, [equal[0], equal[1], equal[0], equal[1]]);
  const [first, second] = equal;
  assert.ok(first && second);
  first.endpoint.inFlight = 2;
  assert.equal(choose(equal, clock, null, 0), second);
});

for (const [name, choose] of Object.entries(algorithms)) {
  test(`${name}: choosing costs well under a microsecond for ten members, and allocates nothing`, (t) => {
    const list = slots(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const run = (count: number): number => {
      const start = performance.now();
      for (let n = 0; n < count; n += 1) choose(list, clock, null, n);
      return ((performance.now() - start) * 1e6) / count;
    };
    run(50_000);
    // The best of several: others use the same cores.
    const best = Math.min(...Array.from({ length: 10 }, () => run(20_000)));
    t.diagnostic(`${Math.round(best)} ns`);
    assert.ok(best < 1000, `${best} ns`);
    const before = process.memoryUsage().heapUsed;
    run(20_000);
    const grown = process.memoryUsage().heapUsed - before;
    // One object of any kind for each choice would be 320 kB or more; a collection in between makes it less.
    t.diagnostic(`${grown} bytes`);
    assert.ok(grown < 200_000, `${grown} bytes for 20,000 choices`);
  });
}
