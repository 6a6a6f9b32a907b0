import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewCall } from './queue.ts';

interface Ending {
  after(work: () => void): void;
}

/** An empty folder, removed after the test. */
export function newFolder(t: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-calls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A call of the function `f`. */
export function callOf(more: Partial<NewCall> = {}): NewCall {
  return {
    requestId: 'r',
    function: 'f',
    api: 'g/api',
    environment: 'RELEASE',
    timeoutMs: undefined,
    event: '{}',
    acceptedAt: 1000,
    ...more,
  };
}

/** Waits until something holds that nothing tells about. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
