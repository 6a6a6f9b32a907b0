import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { FinalError, type Sink } from './sink.ts';

interface Batch {
  readonly lines: readonly string[];
  take(): void;
  fail(error?: Error): void;
}

/** A sink that takes when the test says so. */
class HeldSink implements Sink {
  readonly name = 'held';
  readonly batches: Batch[] = [];
  isClosed = false;
  #came: () => void = () => undefined;

  send(lines: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.batches.push({ lines, take: resolve, fail: (error = new Error('down')) => reject(error) });
      this.#came();
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  async batch(index: number): Promise<Batch> {
    while (this.batches[index] === undefined)
      await new Promise<void>((resolve) => {
        this.#came = resolve;
      });
    return this.batches[index];
  }
}

const usual: OutboxOptions = { maxBytes: 100, batchBytes: 10, batchMs: 60_000, retries: 1, backoffMs: 1 };

function held(options: Partial<OutboxOptions> = {}) {
  const sink = new HeldSink();
  const log: string[] = [];
  const note = (_fields: object, message: string): void => void log.push(message);
  const outbox = new Outbox(sink, { ...usual, ...options }, { info: note, warn: note, error: note });
  return { sink, log, outbox };
}

test('lines leave in batches, in order, one at a time', async () => {
  const { sink, outbox } = held();
  for (const line of ['one', 'two', 'three', 'four', 'five', 'six']) outbox.add(line);
  const first = await sink.batch(0);
  assert.deepEqual(first.lines, ['one', 'two', 'three']);
  assert.equal(sink.batches.length, 1);
  first.take();
  assert.deepEqual((await sink.batch(1)).lines, ['four', 'five', 'six']);
  sink.batches[1]?.take();
  await outbox.empty();
  assert.deepEqual(outbox.state, { sink: 'held', waitingBytes: 0, sent: 6, lost: 0 });
});

test('fewer lines than a batch leave after a while', async () => {
  const { sink, outbox } = held({ batchMs: 1 });
  outbox.add('a');
  const keep = setTimeout(() => undefined, 10_000);
  assert.deepEqual((await sink.batch(0)).lines, ['a']);
  clearTimeout(keep);
});

test('what is not taken is sent again, then lost, and told once until lines are taken again', async () => {
  const { sink, outbox, log } = held();
  outbox.add('0123456789');
  (await sink.batch(0)).fail();
  (await sink.batch(1)).fail();
  await outbox.empty();
  assert.deepEqual([outbox.state.lost, outbox.state.waitingBytes], [1, 0]);
  outbox.add('0123456789');
  (await sink.batch(2)).fail(new FinalError('never'));
  await outbox.empty();
  assert.deepEqual(log, ['log lines are lost']);
  outbox.add('0123456789');
  (await sink.batch(3)).take();
  await outbox.empty();
  assert.deepEqual(log, ['log lines are lost', 'log lines are taken again']);
  assert.deepEqual([outbox.state.sent, outbox.state.lost], [1, 2]);
});

test('no more waits than may', async () => {
  const { sink, outbox } = held({ maxBytes: 25 });
  for (let index = 0; index < 5; index += 1) outbox.add('0123456789');
  assert.deepEqual([outbox.state.waitingBytes, outbox.state.lost], [20, 3]);
  (await sink.batch(0)).take();
  (await sink.batch(1)).take();
  await outbox.empty();
  outbox.add('0123456789');
  assert.equal(outbox.state.waitingBytes, 10);
});

test('closing sends what waits, and gives up what nobody takes', async () => {
  const { sink, outbox } = held();
  outbox.add('a');
  const closed = outbox.close();
  (await sink.batch(0)).take();
  await closed;
  assert.deepEqual([sink.isClosed, outbox.state.sent], [true, 1]);
});
