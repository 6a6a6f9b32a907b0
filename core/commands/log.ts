import { pino } from 'pino';
import type { Log } from '#sdk';

/** Where the operator's log goes: standard error, line by line. */
export function operatorLines() {
  return pino.destination({ dest: 2, sync: true });
}

/** The operator's log: JSON lines. @param worker the process that writes it, where there are several */
export function operatorLog(lines = operatorLines(), worker?: number): Log {
  const base = worker === undefined ? null : { worker };
  return pino({ base, timestamp: pino.stdTimeFunctions.isoTime }, lines);
}

/** For commands that serve nothing. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
