import type { CallLimits } from '#sdk/isolates';
import type { Needs } from '#sdk';

/** What a sandboxed extension may use, as configured. */
export interface SandboxOptions {
  readonly memoryMb: number;
  readonly timeoutMs: number;
  /** Processes at most, for each entry under `plugins`. */
  readonly concurrency: number;
}

/** Calls that wait for a process; more are refused. */
export const queued = 200;

/** For what is asked at load: what a plugin is, and what binding it gives. */
export const loadLimits: CallLimits = { wallMs: 5_000, runMs: 2_000, maxResultLength: 512 * 1024 };

const mebibyte = 1024 * 1024;

/** A call's; its answer may hold a MiB of content, or as much as the plugin sees of others'. */
export function callLimits({ timeoutMs }: SandboxOptions, needs: Needs): CallLimits {
  const bytes = Math.max(mebibyte, needs.bodyBytes ?? 0, needs.answerBodyBytes ?? 0);
  return { wallMs: timeoutMs, runMs: timeoutMs, maxResultLength: 256 * 1024 + 2 * bytes };
}

/** Defaults for what is not given, or is no number, which is a problem told elsewhere. */
export function optionsOf(entry: Readonly<Record<string, unknown>>): SandboxOptions {
  const number = (name: string, fallback: number): number => {
    const value = entry[name];
    return Number.isInteger(value) ? (value as number) : fallback;
  };
  return {
    memoryMb: Math.min(Math.max(number('memoryMb', 32), 16), 1024),
    timeoutMs: Math.min(Math.max(number('timeoutMs', 200), 1), 10_000),
    concurrency: Math.min(Math.max(number('concurrency', 2), 1), 32),
  };
}
