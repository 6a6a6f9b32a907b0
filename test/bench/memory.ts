import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './targets.ts';

/** Memory of a gateway's main thread, in bytes. */
export interface MemorySample {
  /** On the clock of `nowMs`. */
  readonly at: number;
  /** Whether garbage was collected just before. */
  readonly isCollected: boolean;
  readonly heapUsed: number;
  readonly rss: number;
  readonly external: number;
}

const answerMs = 20_000;

/** Node's flags for a gateway whose memory is to be told. @param everySeconds 0 for only when asked */
export function probeFlags(file: string, everySeconds = 0): string[] {
  const probe = new URL('memory-probe.ts', import.meta.url);
  probe.searchParams.set('file', file);
  probe.searchParams.set('seconds', String(everySeconds));
  return ['--expose-gc', '--import', probe.href];
}

export function readSamples(file: string): MemorySample[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as MemorySample);
}

/** What is left after garbage has been collected. */
export async function collected(target: Target, file: string): Promise<MemorySample> {
  const before = readSamples(file).filter(({ isCollected }) => isCollected).length;
  process.kill(target.process.pid, 'SIGUSR2');
  const deadline = performance.now() + answerMs;
  while (performance.now() < deadline) {
    const sample = readSamples(file).filter(({ isCollected }) => isCollected)[before];
    if (sample !== undefined) return sample;
    await sleep(20);
  }
  throw new Error(`${target.process.name} did not tell its memory within ${answerMs / 1000} s`);
}
