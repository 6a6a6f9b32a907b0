import { randomBytes } from 'node:crypto';
import type { Clock } from '#sdk';
import { KeyedHash } from './keyed-hash.ts';
import { SharedClock } from './shared-clock.ts';
import { SharedCounters } from './shared-counters.ts';
import { SharedMemoryUnavailable, attachSharedMemory, openSharedMemory, sizeOf } from './shared-memory.ts';
import { SharedTable, bucketBytes, slotsInBucket } from './shared-table.ts';
import { SharedValues } from './shared-values.ts';

/** Counters and values that the processes of this machine share. */
export interface SharedState {
  readonly counters: SharedCounters;
  readonly values: SharedValues;
}

/** How much is kept at once. Tables fill unevenly: at half of it one key in 3,600 finds no room, at three quarters one in 70. */
interface Sizes {
  /** Keys with a count in the present period, of all plugins and lengths of periods. */
  readonly counts: number;
  /** Claimed keys. */
  readonly values: number;
}

/** 50 MB and 100 MB of addresses; memory is taken as slots are first used. */
const usualSizes: Sizes = { counts: 2_000_000, values: 4_000_000 };

const headerBytes = 4096;
const magic = 0x7461_7067;
/** To be raised whenever what lies where changes. */
const layout = 1;
/** Byte in the header. */
const clockAt = 32;

/**
 * Makes the state, in the process that starts the others.
 * @returns the state, and the descriptor that `attachSharedState` takes in a child that was given it in `stdio`
 * @throws SharedMemoryUnavailable
 */
export function openSharedState(clock: Clock, sizes = usualSizes): { fd: number; state: SharedState } {
  const counts = Math.max(1, Math.ceil(sizes.counts / slotsInBucket));
  const spare = Math.max(4, Math.ceil(counts / 64));
  const values = Math.max(1, Math.ceil(sizes.values / slotsInBucket));
  const { fd, buffer } = openSharedMemory(bytesFor(counts, spare, values));
  const header = new Int32Array(buffer, 0, 8);
  const secret = randomBytes(8);
  header.set([magic, layout, counts, spare, values, secret.readInt32LE(0), secret.readInt32LE(4)]);
  return { fd, state: build(buffer, clock) };
}

/**
 * The state in a process that was started with its descriptor.
 * @throws SharedMemoryUnavailable also when what made it lays memory out in another way
 */
export function attachSharedState(fd: number, clock: Clock): SharedState {
  const size = sizeOf(fd);
  if (size < headerBytes) throw new SharedMemoryUnavailable(`descriptor ${fd} is no shared state`);
  const buffer = attachSharedMemory(fd, size);
  const [foundMagic, foundLayout, counts = 0, spare = 0, values = 0] = new Int32Array(buffer, 0, 8);
  if (foundMagic !== magic) throw new SharedMemoryUnavailable(`descriptor ${fd} is no shared state`);
  if (foundLayout !== layout)
    throw new SharedMemoryUnavailable(
      `the shared state has layout ${foundLayout}, and this process ${layout}`,
    );
  if (bytesFor(counts, spare, values) !== size)
    throw new SharedMemoryUnavailable(`the shared state has ${size} bytes, which are not those it tells`);
  return build(buffer, clock);
}

function build(buffer: ArrayBuffer, clock: Clock): SharedState {
  const [, , counts = 0, spare = 0, values = 0, key0 = 0, key1 = 0] = new Int32Array(buffer, 0, 8);
  const time = new SharedClock(clock, new BigInt64Array(buffer, clockAt, 1));
  const hash = new KeyedHash(key0, key1);
  const valuesAt = headerBytes + (counts + spare) * bucketBytes;
  return {
    counters: new SharedCounters(new SharedTable(buffer, headerBytes, counts, spare, time), time, hash),
    values: new SharedValues(new SharedTable(buffer, valuesAt, values, 0, time), time, hash.derive('values')),
  };
}

function bytesFor(counts: number, spare: number, values: number): number {
  return headerBytes + (counts + spare + values) * bucketBytes;
}
