import assert from 'node:assert/strict';
import { type TestContext, suite, test } from 'node:test';
import type { Exchange, Taken } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import { type Measure, createAllowance, createMeasure } from './allowance.ts';
import { WaitingRoom } from './waiting.ts';

const second = { value: 1, unit: 'second' } as const;

/** A limit of so many a second. */
function measure(key: string, limit: number, isBucket = true): Measure {
  return createMeasure(key, createAllowance({ scope: 'api', limit, period: second, isBucket }));
}

/** Buckets reckoned in the simplest way there is; what is no bucket never gets anything back. */
class Buckets {
  readonly #clock: VirtualClock;
  readonly #left = new Map<string, { tokens: number; at: number }>();
  asked = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  readonly take = (measures: readonly Measure[]): Taken => {
    this.asked += 1;
    const states = measures.map((each) => this.#state(each));
    const refusedBy = states.findIndex(({ tokens }) => tokens < 1 - 1e-9);
    if (refusedBy < 0) for (const state of states) state.tokens -= 1;
    return {
      refusedBy,
      remaining: states.map(({ tokens }) => Math.floor(tokens + 1e-9)),
      resetMs: states.map(({ tokens }, index) =>
        Math.ceil(((1 - (tokens % 1)) * 1000) / (measures[index]?.limit || 1) - 1e-6),
      ),
    };
  };

  #state({ key, limit, isBucket }: Measure): { tokens: number; at: number } {
    const now = this.#clock.now();
    const state = this.#left.get(key) ?? { tokens: limit, at: now };
    this.#left.set(key, state);
    if (isBucket === true) state.tokens = Math.min(limit, state.tokens + ((now - state.at) * limit) / 1000);
    state.at = now;
    return state;
  }
}

function callerOf(): { exchange: Exchange; leave: () => void } {
  const listeners: (() => void)[] = [];
  const fake: Pick<Exchange, 'onAbort'> = { onAbort: (listener) => void listeners.push(listener) };
  return { exchange: fake as Exchange, leave: () => listeners.forEach((listener) => listener()) };
}

interface Setting {
  readonly length?: number;
  readonly waitMs?: number;
  readonly isLate?: boolean;
}

function start(t: TestContext, { length = 100, waitMs = 10_000, isLate = false }: Setting = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new VirtualClock(1_000_000);
  const buckets = new Buckets(clock);
  const take = isLate
    ? async (measures: readonly Measure[]) => {
        await Promise.resolve();
        return buckets.take(measures);
      }
    : buckets.take;
  const room = new WaitingRoom({ length, waitMs, clock, take });
  const told: string[] = [];
  return {
    buckets,
    told,
    /** Calls, and notes under the name what became of it and when. */
    call: (name: string, ...measures: Measure[]): { leave: () => void } => {
      const { exchange, leave } = callerOf();
      const note = (taken: Taken | undefined) => {
        const what = taken === undefined ? 'gone' : taken.refusedBy < 0 ? 'in' : `refused ${taken.refusedBy}`;
        told.push(`${name} ${what} ${clock.now() - 1_000_000}`);
      };
      const taken = room.admit(exchange, measures);
      if ('then' in taken) void taken.then(note);
      else note(taken);
      return { leave };
    },
    pass: async (ms: number, meanwhile = (): void => undefined): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 1) {
        clock.advance(1);
        meanwhile();
        t.mock.timers.tick(1);
        for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
      }
    },
  };
}

for (const isLate of [false, true]) {
  suite(isLate ? 'a store that answers later' : 'a store that answers at once', () => {
    test('calls are let through in the order in which they came, as the bucket fills', async (t) => {
      const { call, pass, told } = start(t, { isLate });
      const api = measure('api', 4);
      for (let index = 0; index < 8; index += 1) call(`${index}`, api);
      await pass(1100);
      const first = told
        .filter((line) => /^[0-3] /.test(line))
        .map((line) => line.split(' ').slice(0, 2).join(' '));
      assert.deepEqual(first, ['0 in', '1 in', '2 in', '3 in']);
      const times = told.slice(4).map((line) => line.split(' '));
      assert.deepEqual(
        times.map(([name, what]) => `${name} ${what}`),
        ['4 in', '5 in', '6 in', '7 in'],
      );
      for (const [index, [, , at]] of times.entries()) {
        const due = 250 * (index + 1);
        assert.ok(Number(at) >= due && Number(at) <= due + 5, `${at} for ${due}`);
      }
    });

    test('who comes later does not overtake, though there is something in the bucket', async (t) => {
      const { call, pass, told } = start(t, { isLate });
      const api = measure('api', 1);
      call('a', api);
      await pass(1);
      call('b', api);
      await pass(900);
      call('c', api);
      await pass(1200);
      assert.deepEqual(
        told.map((line) => line.split(' ').slice(0, 2).join(' ')),
        ['a in', 'b in', 'c in'].slice(0, told.length),
      );
      assert.equal(told.length, 3);
    });

    test('who leaves takes nothing, and the next one moves up', async (t) => {
      const { call, pass, told } = start(t, { isLate });
      const api = measure('api', 1);
      call('a', api);
      await pass(1);
      const b = call('b', api);
      call('c', api);
      await pass(500);
      b.leave();
      b.leave();
      await pass(520);
      assert.deepEqual(
        told.map((line) => line.split(' ').slice(0, 2).join(' ')),
        ['a in', 'b gone', 'c in'],
      );
    });

    test('who would wait too long, or finds no place, is refused at once', async (t) => {
      const { call, pass, told } = start(t, { isLate, length: 2, waitMs: 2500 });
      const api = measure('api', 1);
      call('a', api);
      await pass(1);
      for (const name of ['b', 'c', 'd']) call(name, api);
      await pass(2);
      assert.deepEqual(
        told.map((line) => line.split(' ').slice(0, 3).join(' ')).map((line) => line.replace(/ \d+$/, '')),
        ['a in', 'd refused'],
      );
      // Another bucket has no place either: the room is full.
      call('e', measure('other', 1));
      await pass(1);
      call('f', measure('other', 1));
      await pass(1);
      assert.match(told.at(-1) ?? '', /^f refused 0/);
      await pass(2100);
      assert.equal(told.filter((line) => / in /.test(line)).length, 4);
    });
  });
}

test('a line of its own for each bucket; who gets through one and not the other waits on', async (t) => {
  const { call, pass, told } = start(t);
  const api = measure('api', 2);
  const one = measure('one', 1);
  const two = measure('two', 10);
  call('a', api, one);
  call('b', api, two);
  call('c', api, one);
  call('d', api, two);
  assert.deepEqual(told, ['a in 0', 'b in 0']);
  await pass(3000);
  // At 500 the API has one for c, whose own bucket is empty; d is next in the line, and is not kept by that.
  assert.deepEqual(told.slice(2), ['d in 500', 'c in 1000']);
});

test('who waited for another bucket stands where its time says', async (t) => {
  const { call, pass, told } = start(t);
  const api = measure('api', 4);
  const slow = measure('slow', 1);
  call('a', slow);
  call('b', slow, api);
  for (const name of ['c', 'd', 'e', 'f']) call(name, api);
  for (const name of ['g', 'h', 'i', 'j', 'k', 'l']) call(name, api);
  await pass(1600);
  const order = told.map((line) => line.slice(0, 1)).join('');
  // Three were in the bucket of the API since b had to wait; at 1000 b comes to its line, before those who came later.
  assert.equal(order.slice(0, 5), 'acdef');
  assert.ok(order.indexOf('b') < order.indexOf('k'), order);
});

test('what is no bucket refuses at once, also who waited', async (t) => {
  const { call, pass, told } = start(t);
  const api = measure('api', 1);
  const day = measure('day', 2, false);
  call('a', day, api);
  call('b', day, api);
  call('c', day, api);
  await pass(2200);
  assert.deepEqual(told, ['a in 0', 'b in 1000', 'c refused 0 1000']);
});

test('a bucket that others empty: who waited as long as may be is refused', async (t) => {
  const { buckets, call, pass, told } = start(t, { waitMs: 1000 });
  const api = measure('api', 1);
  call('a', api);
  call('b', api);
  await pass(1100, () => void buckets.take([api]));
  assert.deepEqual(told, ['a in 0', 'b refused 0 1000']);
});

test('while nobody waits, a call costs one question; a waiting one is asked for when it is due', async (t) => {
  const { buckets, call, pass } = start(t);
  const api = measure('api', 10);
  for (let index = 0; index < 10; index += 1) call(`${index}`, api);
  const asked = () => buckets.asked;
  assert.equal(asked(), 10);
  call('late', api);
  assert.equal(asked(), 11);
  await pass(500);
  assert.ok(asked() <= 14, `${asked()}`);
});

test('a store that fails fails the call, and the next one is served', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new VirtualClock(1_000_000);
  const api = measure('api', 1);
  const answers: (() => Promise<Taken>)[] = [
    () => Promise.resolve({ refusedBy: 0, remaining: [0], resetMs: [10] }),
    () => Promise.reject(new Error('away')),
    () => Promise.resolve({ refusedBy: -1, remaining: [0], resetMs: [10] }),
  ];
  const take = () => answers.shift()?.() ?? assert.fail('asked too often');
  const room = new WaitingRoom({ length: 5, waitMs: 5000, clock, take });
  const first = room.admit(callerOf().exchange, [api]);
  assert.ok('then' in first);
  const failed = assert.rejects(first, /away/);
  await new Promise(setImmediate);
  const second = room.admit(callerOf().exchange, [api]);
  clock.advance(10);
  t.mock.timers.tick(10);
  await failed;
  assert.equal((await second)?.refusedBy, -1);
});
