import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FunctionResult, GatewayFunction } from '#sdk';
import { VirtualClock } from '#sdk/testing';
import { prepareCallFile } from './call-file.ts';
import { CallStore, type Done, type Work } from './call-store.ts';
import { Deliveries, type Settings } from './deliveries.ts';
import { optionsOf } from './options.ts';
import type { Outcome, Queue, Taken, Tidied } from './queue.ts';
import { callOf, newFolder, until } from './testing.ts';

/** The store without its thread; tells what was settled. */
class DirectQueue implements Queue {
  readonly settled: Outcome[] = [];
  isBroken = false;
  readonly #store: CallStore;

  constructor(t: TestContext) {
    const folder = newFolder(t);
    prepareCallFile(folder);
    this.#store = new CallStore(folder);
  }

  async add(call: Parameters<Queue['add']>[0], maxBytes: number): Promise<boolean> {
    return (await this.#run({ kind: 'add', call, maxBytes })) as boolean;
  }

  async take(wanted: Parameters<Queue['take']>[0]): Promise<Taken> {
    return (await this.#run({ kind: 'take', wanted })) as Taken;
  }

  async settle(id: number, outcome: Outcome): Promise<void> {
    await this.#run({ kind: 'settle', id, outcome });
    this.settled.push(outcome);
  }

  async tidy(bounds: Parameters<Queue['tidy']>[0]): Promise<Tidied> {
    return (await this.#run({ kind: 'tidy', bounds })) as Tidied;
  }

  close(): Promise<void> {
    this.#store.close();
    return Promise.resolve();
  }

  #run(work: Work): Promise<Done> {
    if (this.isBroken) return Promise.reject(new Error('no space left'));
    return Promise.resolve(this.#store.run([work])[0]);
  }
}

interface Bench {
  readonly deliveries: Deliveries;
  readonly queue: DirectQueue;
  readonly clock: VirtualClock;
  readonly calls: string[];
  readonly log: string[];
  readonly settings: Settings;
}

const failed: FunctionResult = { fault: 'failed', detail: 'threw: no' };

/** Deliveries to functions that do what `invoke` says. */
function benchOf(
  t: TestContext,
  invoke: (name: string, turn: number) => FunctionResult | Promise<FunctionResult>,
  options: Parameters<typeof optionsOf>[0] | object = {},
  names: readonly string[] = ['f'],
): Bench {
  const clock = new VirtualClock(1000);
  const calls: string[] = [];
  const log: string[] = [];
  const functions = names.map((name): GatewayFunction => ({
    name,
    timeoutMs: 1,
    version: '1',
    invoke: async (_event, { requestId }) => {
      calls.push(requestId);
      return invoke(requestId, calls.length);
    },
  }));
  const settings: Settings = {
    functions: { names, byName: (name) => functions.find((each) => each.name === name) },
    options: { ...optionsOf(undefined), ...options },
  };
  const note = (fields: object, message: string): void => {
    log.push(`${message} ${JSON.stringify(fields)}`);
  };
  const queue = new DirectQueue(t);
  const deliveries = new Deliveries(queue, settings, { info: note, warn: note, error: note }, clock);
  t.after(() => deliveries.close());
  return { deliveries, queue, clock, calls, log, settings };
}

test('a call that fails is made again, each time after twice as long, and then given up', async (t) => {
  const { deliveries, queue, clock, calls, log } = benchOf(t, () => failed, { retries: 2, backoffMs: 100 });
  await deliveries.add(callOf({ event: '{"secret":"hidden"}' }), 1e9);
  for (const [turn, wait] of [0, 100, 200].entries()) {
    clock.advance(wait);
    await until(() => queue.settled.length === turn + 1, `it was made ${turn + 1} times`);
  }
  const reason = 'failed: threw: no';
  assert.deepEqual(queue.settled, [
    { kind: 'again', at: 1100, attempts: 1, reason },
    { kind: 'again', at: 1300, attempts: 2, reason },
    { kind: 'dead', at: 1300, attempts: 3, reason },
  ]);
  assert.equal(calls.length, 3);
  assert.match(log.at(-1) ?? '', /dead letter .*"requestId":"r","function":"f".*threw: no/);
  assert.doesNotMatch(log.join(), /hidden/);
});

test('a call that fails twice and then works is done', async (t) => {
  const { deliveries, queue, clock } = benchOf(t, (_name, turn) => (turn < 3 ? failed : { value: 1 }), {
    backoffMs: 1,
  });
  await deliveries.add(callOf(), 1e9);
  await until(() => {
    clock.advance(10);
    return queue.settled.length === 3;
  }, 'it was made three times');
  assert.deepEqual(
    queue.settled.map(({ kind }) => kind),
    ['again', 'again', 'done'],
  );
});

test('what has run to its end is done, whatever it answers; what has not begun costs no retry', async (t) => {
  const results: FunctionResult[] = [
    { fault: 'busy', detail: 'x' },
    { fault: 'bad-answer', detail: 'x' },
  ];
  const { deliveries, queue, clock } = benchOf(t, (_name, turn) => results[turn - 1] ?? failed, {
    retries: 0,
  });
  await deliveries.add(callOf(), 1e9);
  await until(() => queue.settled.length === 1, 'it was busy');
  clock.advance(1000);
  await until(() => queue.settled.length === 2, 'it was made');
  assert.deepEqual(queue.settled, [
    { kind: 'again', at: 2000, attempts: 0, reason: 'busy: x' },
    { kind: 'done' },
  ]);
});

test('a retry that would come too late is none', async (t) => {
  const { deliveries, queue } = benchOf(t, () => failed, { backoffMs: 5000, maxAgeSeconds: 4 });
  await deliveries.add(callOf(), 1e9);
  await until(() => queue.settled.length === 1, 'it was made');
  assert.equal(queue.settled[0]?.kind, 'dead');
});

test('calls of a function that is gone wait for it, and become dead letters in the end', async (t) => {
  const { deliveries, queue, clock, calls, log, settings } = benchOf(
    t,
    () => ({ value: 1 }),
    { maxAgeSeconds: 60 },
    ['other'],
  );
  await deliveries.add(callOf({ requestId: 'one' }), 1e9);
  await deliveries.add(callOf({ requestId: 'two', function: 'other' }), 1e9);
  await until(() => queue.settled.length === 1, 'the other was made');
  assert.deepEqual(calls, ['two']);
  const back = { ...settings, functions: { names: ['f'], byName: () => settings.functions.byName('other') } };
  deliveries.use(back);
  await until(() => queue.settled.length === 2, 'the first was made');
  assert.deepEqual(calls, ['two', 'one']);
  await deliveries.add(callOf({ requestId: 'three', function: 'other' }), 1e9);
  clock.advance(120_000);
  await until(() => log.some((line) => line.includes('too old')), 'it was given up');
  assert.deepEqual(calls, ['two', 'one']);
});

test('a function runs no more often at once than it may, and stopping waits for what runs', async (t) => {
  const running: PromiseWithResolvers<FunctionResult>[] = [];
  const invoke = (): Promise<FunctionResult> => {
    const call = Promise.withResolvers<FunctionResult>();
    running.push(call);
    return call.promise;
  };
  const { deliveries, queue } = benchOf(t, invoke, { concurrency: 2 });
  for (let turn = 0; turn < 5; turn += 1) await deliveries.add(callOf(), 1e9);
  await until(() => running.length === 2, 'two were made');
  running[0]?.resolve({ value: 1 });
  await until(() => running.length === 3, 'the third was made');
  const stopped = deliveries.stop();
  running[1]?.resolve({ value: 1 });
  running[2]?.resolve({ value: 1 });
  await stopped;
  assert.equal(queue.settled.length, 3);
  // Still kept, and made by nobody.
  assert.equal(await deliveries.add(callOf(), 1e9), true);
  assert.equal(running.length, 3);
});

test('a call whose end cannot be kept is not made again while it cannot', async (t) => {
  const { deliveries, queue, calls, log } = benchOf(t, () => {
    queue.isBroken = true;
    return { value: 1 };
  });
  await deliveries.add(callOf(), 1e9);
  await until(() => log.some((line) => line.includes('no space left')), 'it is told');
  await assert.rejects(deliveries.add(callOf(), 1e9), /no space left/);
  queue.isBroken = false;
  await until(() => queue.settled.length === 1, 'the end is kept');
  assert.equal(calls.length, 1);
});
