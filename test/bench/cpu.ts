import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

/** CPU time that the operating system has charged to a process and all its descendants, in microseconds. */
export function cpuTimeUs(root: number): number {
  const table = readProcessTable();
  const ticks = treeOf(root, table).reduce((sum, pid) => sum + (table.get(pid)?.ticks ?? 0), 0);
  return (ticks / TICKS_PER_SECOND) * 1e6;
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
  return { parent: parent ?? 0, ticks: (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0) };
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
