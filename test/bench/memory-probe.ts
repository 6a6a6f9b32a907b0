// Loaded into a gateway with `--import memory-probe.ts?FILE&SECONDS`: on SIGUSR2 it collects garbage and appends a line of
// JSON to the file; every so many seconds, if any, it appends one without collecting.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { nowMs } from './clock.ts';
import type { MemorySample } from './memory.ts';

const { searchParams } = new URL(import.meta.url);
const file = searchParams.get('file') ?? '/dev/null';
const seconds = Number(searchParams.get('seconds'));

function write(isCollected: boolean, at: number): void {
  const { heapUsed, rss, external } = process.memoryUsage();
  const sample: MemorySample = { at, isCollected, heapUsed, rss, external };
  appendFileSync(file, `${JSON.stringify(sample)}\n`);
}

if (isMainThread) {
  process.on('SIGUSR2', () => {
    // Twice: what the first one finalises the second one frees.
    globalThis.gc?.();
    globalThis.gc?.();
    write(true, nowMs());
  });
  if (seconds > 0) setInterval(() => write(false, nowMs()), seconds * 1000).unref();
}
