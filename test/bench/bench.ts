import type { ContenderName } from './contenders.ts';
import type { Target } from './targets.ts';
import type { Workspace } from './workspace.ts';

/** What all parts of a run share. */
export interface Bench {
  readonly workspace: Workspace;
  readonly backend: Target;
  /** Those that can run here. */
  readonly contenders: readonly ContenderName[];
  readonly connections: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly rounds: number;
  /** What the reader of the report has to know besides. */
  note(text: string): void;
}

/** Measures something and tells it as Markdown. */
export type Part = (bench: Bench) => Promise<string>;

export function progress(text: string): void {
  console.error(text);
}

/** Ends what a part has started, whatever happened in it. */
export async function closing<T>(
  bench: Bench,
  targets: readonly Target[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } finally {
    await Promise.all(targets.map(({ process }) => bench.workspace.stop(process, ['SIGTERM'], 3000)));
  }
}

/** What an error says, without the output of a process behind it. */
export function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}
