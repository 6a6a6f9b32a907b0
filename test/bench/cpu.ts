import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessTimes {
  readonly parent: number;
  /** In ticks. */
  readonly user: number;
  readonly system: number;
}

/** CPU time that the operating system has charged to a process and all its descendants, in microseconds. */
export interface CpuTimes {
  readonly totalUs: number;
  /** What of it went by in the kernel. */
  readonly systemUs: number;
}

export function cpuTimes(root: number): CpuTimes {
  const table = readProcessTable();
  const times = treeOf(root, table).map((pid) => table.get(pid));
  const us = (ticks: number): number => (ticks / TICKS_PER_SECOND) * 1e6;
  const systemUs = us(times.reduce((sum, each) => sum + (each?.system ?? 0), 0));
  return { totalUs: us(times.reduce((sum, each) => sum + (each?.user ?? 0), 0)) + systemUs, systemUs };
}

/** Resident memory of a process and all its descendants, in bytes; pages that they share count once each. */
export function residentBytes(root: number): number {
  return treeOf(root, readProcessTable()).reduce((sum, pid) => sum + readResidentBytes(pid), 0);
}

function treeOf(root: number, table: ReadonlyMap<number, ProcessTimes>): number[] {
  if (!table.has(root)) throw new Error(`process ${root} is gone`);
  const tree = [root];
  // The array grows while it is walked, so that children of children are found too.
  for (const pid of tree) {
    for (const [other, { parent }] of table) if (parent === pid) tree.push(other);
  }
  return tree;
}

function readProcessTable(): Map<number, ProcessTimes> {
  const table = new Map<number, ProcessTimes>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    const times = Number.isInteger(pid) ? readTimes(pid) : undefined;
    if (times !== undefined) table.set(pid, times);
  }
  return table;
}

function readTimes(pid: number): ProcessTimes | undefined {
  const stat = readProcFile(pid, 'stat');
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses, and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [parent, utime, stime, cutime, cstime] = [1, 11, 12, 13, 14].map((index) => Number(fields[index]));
  // cutime and cstime hold what children used that have ended: a replaced worker is not lost.
  return {
    parent: parent ?? 0,
    user: (utime ?? 0) + (cutime ?? 0),
    system: (stime ?? 0) + (cstime ?? 0),
  };
}

function readResidentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(pid, 'status') ?? '');
  return Number(match?.[1] ?? 0) * 1024;
}

function readProcFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** Time that the hypervisor gave to other machines, and all time, over all CPUs since boot, in ticks. */
export interface MachineTimes {
  readonly stolen: number;
  readonly total: number;
}

export function readMachineTimes(): MachineTimes {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  // user nice system idle iowait irq softirq steal; guest time, which follows, is already part of user.
  const fields = line.split(/\s+/).slice(1, 9).map(Number);
  return { stolen: fields[7] ?? 0, total: fields.reduce((sum, ticks) => sum + ticks, 0) };
}
