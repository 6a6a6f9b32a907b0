import { cpus, release, totalmem, type } from 'node:os';

/** One part of a report. */
export interface Section {
  readonly title: string;
  readonly text: string;
}

export interface Conditions {
  readonly date: Date;
  /** In words. */
  readonly machine: string;
  /** Name and version of what was compared. */
  readonly versions: readonly (readonly [name: string, version: string])[];
  readonly load: string;
  readonly backend: string;
  /** Share of the machine that the hypervisor gave to others meanwhile; a few percent spoil a run. */
  readonly stolen: number;
  readonly minutes: number;
}

/** The whole report, as Markdown. */
export function toReport(
  conditions: Conditions,
  sections: readonly Section[],
  notes: readonly string[],
): string {
  const parts = sections.map(({ title, text }) => `## ${title}\n\n${text}`);
  const remarks = notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')];
  return `${['# Benchmark', toHeader(conditions), ...remarks, ...parts].join('\n\n')}\n`;
}

function toHeader(conditions: Conditions): string {
  const { date, machine, versions, load, backend, stolen, minutes } = conditions;
  const compared = versions.map(([name, version]) => `${name} ${version}`).join(', ');
  return `${date.toISOString().slice(0, 16)}Z, ${minutes.toFixed(0)} minutes on ${machine}; Node ${process.versions.node}. Compared: ${compared}.
Load: ${load}; backend: ${backend}. CPU time that the host gave to other machines meanwhile: ${(stolen * 100).toFixed(1)} %.
All contenders of a part take turns in each round: compare within a table, not between machines or runs.`;
}

/** How many CPUs of which kind, how much memory, which system. */
export function describeMachine(): string {
  const all = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${all.length} CPUs (${all[0]?.model.trim() ?? 'of an unknown kind'}), ${gib} GiB of memory, ${type()} ${release()}`;
}
