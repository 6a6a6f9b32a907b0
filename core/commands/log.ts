import { pino } from 'pino';
import type { Log } from '#sdk';

/** The operator's log: JSON lines on standard error. */
export function operatorLog(): Log {
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** For commands that serve nothing. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
