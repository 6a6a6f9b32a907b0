import { readFileSync, readdirSync } from 'node:fs';

/** Waits until something is there, looking again and again. */
export async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let turn = 0; turn < 2000; turn += 1) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it never came');
}

/** Processes that this one has started and that are still there. */
export function children(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ');
        return state !== 'Z' && Number(parent) === process.pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}
