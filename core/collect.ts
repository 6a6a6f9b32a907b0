import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Frees what loading and building have left, while nobody waits: later it is a pause, and takes a processor from requests.
 * As if no memory were left, so that V8 empties pages with room in them and gives back those that it keeps for later.
 */
export function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
