import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { newFolder } from '../commands/cli.ts';
import { Fleet, Load, pause } from './support.ts';

const limit = 100;
const periodMs = 1000;
/** Between the time in the log and that of counting, at the turn of a window; by then its hundred are long used up. */
const turnMs = 5;

/** What a window was asked and what it admitted. */
export interface Window {
  readonly asked: number;
  readonly admitted: number;
  /** All that were asked, as long as they were no more than the limit. */
  readonly expected: number;
}

/** Two workers, an API that takes a hundred requests in each second, and a log of both. */
export async function limitedFleet(): Promise<{ fleet: Fleet; log: string }> {
  const log = join(newFolder(), 'access.jsonl');
  const policy = {
    type: 'throttling',
    config: { period: { value: 1, unit: 'second' }, limits: { api: limit } },
  };
  const backend = { type: 'mock', body: '1' };
  const fleet = await Fleet.start({
    workers: 2,
    accessLog: { file: log },
    plugins: { probe: { type: 'probe' }, limit: policy },
    bindings: [{ plugin: 'limit', apis: ['g/*'] }],
    apis: { 'g/limited': { request: { method: 'GET', path: '/limited' }, auth: 'none', backend } },
  });
  return { fleet, log };
}

/** Asks over 64 connections for so many whole windows, and changes the configuration so often meanwhile. */
export async function windows(
  t: TestContext,
  { fleet, log }: { fleet: Fleet; log: string },
  { count, changes }: { count: number; changes: number },
): Promise<readonly Window[]> {
  const { configuration } = await fleet.status();
  const load = new Load(t, fleet.port, { path: '/limited' });
  await load.more(64);
  const first = Math.floor(Date.now() / periodMs) + 1;
  for (let change = 1; change <= changes; change += 1) {
    await until(first * periodMs + (change * count * periodMs) / (changes + 1));
    fleet.change({ environments: { [`E${change}`]: {} } });
    await fleet.until((status) => status.configuration.number === configuration.number + change);
  }
  await until((first + count) * periodMs + 100);
  await load.stop();
  const others = load.sent.filter(({ status }) => status !== 200 && status !== 429);
  assert.deepEqual(
    others.map(({ error, status }) => error ?? status),
    [],
  );
  const lines = await logged(log, load.sent.length);
  return Array.from({ length: count }, (_, index) => windowOf(lines, first + index));
}

interface Line {
  readonly time: string;
  readonly status: number;
}

function windowOf(lines: readonly Line[], window: number): Window {
  const own = lines.filter(({ time }) => Math.floor((Date.parse(time) + turnMs) / periodMs) === window);
  const asked = own.length;
  const admitted = own.filter(({ status }) => status === 200).length;
  return { asked, admitted, expected: Math.min(limit, asked) };
}

/** Every line is whole, and there is one for each request. */
async function logged(file: string, count: number): Promise<readonly Line[]> {
  const end = performance.now() + 10_000;
  for (;;) {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    if (lines.length >= count || performance.now() > end) {
      assert.equal(lines.length, count, 'lines of the access log');
      return lines.map((line) => JSON.parse(line) as Line);
    }
    await pause(20);
  }
}

async function until(time: number): Promise<void> {
  await pause(Math.max(0, time - Date.now()));
}
