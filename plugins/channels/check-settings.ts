import type { HealthCheckConfig } from './options.ts';
import { type StatusCodes, readStatusCodes } from './status-codes.ts';

/** A health check, ready to run. */
export interface CheckSettings {
  readonly protocol: HealthCheckConfig['protocol'];
  readonly path: string;
  readonly method: 'GET' | 'HEAD';
  /** The member's own when undefined. */
  readonly port: number | undefined;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly isGood: StatusCodes;
  /** The same for settings that are the same. */
  readonly text: string;
}

/** @param report is told what is wrong, with a path into `healthCheck` */
export function readHealthCheck(
  config: HealthCheckConfig,
  report: (path: readonly string[], message: string, offset?: number) => void,
): CheckSettings {
  const { protocol, healthyThreshold, unhealthyThreshold, timeoutSeconds, intervalSeconds } = config;
  if (timeoutSeconds >= intervalSeconds) {
    const message = `a check may take ${timeoutSeconds} s, and the next one starts ${intervalSeconds} s after it`;
    report(['timeoutSeconds'], `${message}; the timeout must be less than the interval`);
  }
  for (const field of ['path', 'method', 'statusCodes'] as const) {
    if (protocol === 'tcp' && config[field] !== undefined)
      report([field], 'a check over tcp has none; allowed with the protocols http and https');
  }
  const codes = readStatusCodes(String(config.statusCodes ?? 200));
  if ('message' in codes) report(['statusCodes'], codes.message, codes.offset);
  return {
    protocol,
    path: config.path ?? '/',
    method: config.method ?? 'GET',
    port: config.port,
    healthyThreshold,
    unhealthyThreshold,
    timeoutMs: timeoutSeconds * 1000,
    intervalMs: intervalSeconds * 1000,
    isGood: 'message' in codes ? () => false : codes,
    text: JSON.stringify(config),
  };
}
