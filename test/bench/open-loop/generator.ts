// Sends requests at a fixed rate, whether answers come or not: `node generator.ts JSON`, see `Order`. Writes the outcome of
// each window of time as a line of JSON. SIGTERM ends it early.
import { Worker } from 'node:worker_threads';
import { Pool, type Dispatcher } from 'undici';
import { nowMs } from '../clock.ts';
import { Schedule } from './schedule.ts';
import { Windows, type Window } from './windows.ts';

/** What is to be sent, how often, and for how long. */
export interface Order {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `%05d` counts from 0 to `count - 1` and starts over. */
  readonly path: string;
  readonly count: number;
  readonly rate: number;
  readonly seconds: number;
  readonly connections: number;
  readonly windowMs: number;
}

/** How long the last requests may take. */
const lastAnswerMs = 5000;

const order = JSON.parse(process.argv[2] ?? '') as Order;
const { port, rate, seconds, connections, windowMs } = order;
const pool = new Pool(`http://127.0.0.1:${port}`, {
  connections,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
});
const paths = Array.from({ length: order.count }, (_, index) =>
  order.path.replace('%05d', String(index).padStart(5, '0')),
);
const headers = Object.entries(order.headers).flat();
// The ticker takes a while to start.
const startMs = nowMs() + 500;
const schedule = new Schedule(startMs, rate, seconds);
const windows = new Windows(startMs, windowMs);
let sent = 0;
let pending = 0;
let endsAt = Infinity;

const ticker = new Worker(new URL('ticker.ts', import.meta.url), { workerData: { startMs, rate, seconds } });
ticker.on('message', sendDue);
process.on('SIGTERM', () => schedule.stop());
const watch = setInterval(() => {
  const time = nowMs();
  print(windows.take(time));
  if (!schedule.isDone) return;
  endsAt = Math.min(endsAt, time + lastAnswerMs);
  if (pending === 0 || time >= endsAt) finish();
}, 50);

function sendDue(): void {
  for (const intendedMs of schedule.due(nowMs())) send(intendedMs);
}

function send(intendedMs: number): void {
  windows.sent(intendedMs);
  pending += 1;
  const path = paths[sent % paths.length] ?? '/';
  sent += 1;
  pool.dispatch({ method: 'GET', path, headers }, outcomeOf(intendedMs));
}

function outcomeOf(intendedMs: number): Dispatcher.DispatchHandler {
  let status = 0;
  return {
    // undici refuses a handler without these two.
    onRequestStart: () => undefined,
    onResponseData: () => undefined,
    onResponseStart(_controller, code) {
      status = code;
    },
    onResponseEnd() {
      pending -= 1;
      if (status === 200) windows.answered(intendedMs, nowMs());
      else windows.failed(intendedMs, `status ${status}`);
    },
    onResponseError(_controller, error) {
      pending -= 1;
      windows.failed(intendedMs, error.message);
    },
  };
}

function finish(): void {
  clearInterval(watch);
  print(windows.takeAll());
  // Not `process.exit`, which may lose what is not written yet.
  void ticker.terminate();
  void pool.destroy();
}

function print(all: readonly Window[]): void {
  if (all.length > 0) process.stdout.write(`${all.map((window) => JSON.stringify(window)).join('\n')}\n`);
}
