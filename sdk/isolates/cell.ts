import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { CallLimits, CallResult, Fault, IsolateLine, IsolateOptions } from './calls.ts';
import { type Frame, FrameReader, encodeFrame } from './frames.ts';
import type { Program } from './program.ts';

/** How long after its time a process may take to say that a call had none left. */
const graceMs = 500;
const startMs = 15_000;
/** Beside the isolate's memory, which V8 may exceed a while: copies of arguments and answers, in several forms. */
const spareBytes = 128 * 1024 * 1024;
const watchMs = 50;
/** A tenth of the gateway's share of a core that both want. */
const niceness = 10;

const child = fileURLToPath(new URL('child/main.ts', import.meta.url));

interface Call {
  readonly id: number;
  readonly resolve: (result: CallResult) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A process with one isolate in it, serving one call at a time.
 *
 * V8 checks an isolate's memory and time only where code lets it: `new Array(6e7).fill()` runs for a minute and takes
 * gigabytes whatever the limits of the isolate are. A process can be ended whatever it does, and its end costs nobody else anything.
 */
export class Cell {
  readonly #process: ChildProcess | undefined;
  readonly #channel: Duplex | undefined;
  readonly #memoryBytes: number;
  readonly #write: (line: IsolateLine) => void;
  #started: PromiseWithResolvers<CallResult | undefined> = Promise.withResolvers();
  #startTimer: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #call: Call | undefined;
  #lastId = 0;
  #baseBytes = 0;
  #stderr = '';
  #end: CallResult | undefined;
  /** Calls that cost an isolate. */
  faults = 0;
  calls = 0;

  constructor(program: Program, options: IsolateOptions, write: (line: IsolateLine) => void) {
    this.#write = write;
    this.#memoryBytes = options.memoryMb * 2 * 1024 * 1024 + spareBytes;
    try {
      this.#process = spawnChild(options.allowHosts.length > 0);
    } catch (error) {
      this.#kill('crashed', error instanceof Error ? error.message : 'its process could not be started');
      return;
    }
    yieldToOthers(this.#process.pid);
    this.#channel = this.#process.stdio[3] as Duplex;
    this.#listen(this.#process, this.#channel);
    this.#awaitReady();
    const { code, ...rest } = program;
    this.#channel.write(encodeFrame({ type: 'start', program: rest, options }, code));
    unref(this.#process, this.#channel, this.#process.stderr);
  }

  /** One at a time. Never rejects. */
  async call(args: string, limits: CallLimits): Promise<CallResult> {
    const problem = await this.#started.promise;
    const end = problem ?? this.#end;
    if (end !== undefined) return end;
    return new Promise((resolve) => {
      const id = (this.#lastId += 1);
      this.calls += 1;
      const late = (): void =>
        this.#kill('timeout', `it gave no answer within ${limits.wallMs} ms and could not be stopped`);
      this.#call = { id, resolve, timer: setTimeout(late, limits.wallMs + graceMs) };
      this.#watch ??= setInterval(() => this.#checkMemory(), watchMs).unref();
      this.#channel?.write(encodeFrame({ type: 'call', id, limits }, args));
    });
  }

  /** Its process is gone, and so is what it held. */
  get isDead(): boolean {
    return this.#end !== undefined;
  }

  dispose(): void {
    this.#kill('disposed', 'the function is no longer configured');
  }

  #listen(spawned: ChildProcess, channel: Duplex): void {
    const reader = new FrameReader((frame) => this.#receive(frame));
    channel.on('data', (piece: Buffer) => {
      try {
        reader.push(piece);
      } catch (error) {
        this.#kill('crashed', error instanceof Error ? error.message : 'it sent nonsense');
      }
    });
    channel.on('error', () => this.#kill('crashed', this.#lastWords()));
    spawned.on('error', (error) => this.#kill('crashed', error.message));
    spawned.on('exit', () => this.#kill('crashed', this.#lastWords()));
    spawned.stderr?.on('data', (piece: Buffer) => {
      this.#stderr = (this.#stderr + piece.toString('latin1')).slice(-2000);
    });
  }

  #receive({ head, text }: Frame): void {
    if (head['type'] === 'log') {
      this.#write({ level: head['level'] as IsolateLine['level'], text });
      return;
    }
    if (head['type'] === 'ready') {
      clearTimeout(this.#startTimer);
      this.#baseBytes ||= residentBytes(this.#process?.pid);
      this.#started.resolve(undefined);
      return;
    }
    if (head['id'] !== this.#call?.id) return;
    const fault = head['fault'] as Fault | undefined;
    if (head['isSpent'] === true) {
      this.faults += 1;
      this.#awaitReady();
    }
    this.#settle(fault === undefined ? { json: text } : { fault, detail: text });
  }

  /** The time of a call begins when there is an isolate for it. */
  #awaitReady(): void {
    this.#started = Promise.withResolvers();
    const late = (): void => this.#kill('crashed', 'its process was not ready in time');
    this.#startTimer = setTimeout(late, startMs);
  }

  #settle(result: CallResult): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    clearTimeout(call.timer);
    call.resolve(result);
  }

  /** A timer of its own for each call would cost as much as the call. */
  #checkMemory(): void {
    if (this.#call === undefined) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    } else if (residentBytes(this.#process?.pid) > this.#baseBytes + this.#memoryBytes)
      this.#kill('memory', 'its process took more than twice the memory of the isolate');
  }

  #kill(fault: Fault, detail: string): void {
    if (this.#end !== undefined) return;
    const result: CallResult = { fault, detail };
    this.#end = result;
    clearTimeout(this.#startTimer);
    clearInterval(this.#watch);
    this.#process?.kill('SIGKILL');
    this.#channel?.destroy();
    this.#started.resolve(result);
    this.#settle(result);
  }

  #lastWords(): string {
    const line = this.#stderr.split('\n').find((each) => /error|fatal/i.test(each));
    return `its process ended${line === undefined ? '' : `: ${line.trim().slice(0, 300)}`}`;
  }
}

/** @throws Error when the system has no room for a process more */
function spawnChild(mayCall: boolean): ChildProcess {
  const spawned = spawn(process.execPath, [...flags(mayCall), child], {
    // Nothing of the gateway's: its environment holds secrets.
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  // Out of descriptors, Node leaves them out, and tells in an event, which would end the gateway if nobody listened.
  const { stdio } = spawned as Partial<ChildProcess>;
  if (stdio !== undefined) return spawned;
  spawned.on('error', () => undefined);
  throw new Error('its process could not be started: no descriptors are left');
}

/** A process that waits for nothing but calls keeps nobody alive. */
function unref(...handles: unknown[]): void {
  for (const handle of handles) (handle as { unref?(): void } | null)?.unref?.();
}

/** Physical memory of a process; 0 where the system does not tell, and only the isolate's own limit holds. */
function residentBytes(pid: number | undefined): number {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** What foreign code does waits for the gateway, and not the other way round. */
function yieldToOthers(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // Some containers do not allow it; limits hold all the same.
  }
}

/** Node's permission model takes from the process what it does not need, should code get out of its isolate. */
function flags(mayCall: boolean): string[] {
  // As npm lays packages out: beside each other.
  const modules = join(dirname(createRequire(import.meta.url).resolve('isolated-vm')), '..');
  const net = process.allowedNodeEnvironmentFlags.has('--allow-net') && mayCall ? ['--allow-net'] : [];
  return [
    '--no-node-snapshot',
    '--no-warnings',
    '--permission',
    '--allow-addons',
    // One thread of ours, which ends the process when the gateway is gone.
    '--allow-worker',
    `--allow-fs-read=${fileURLToPath(new URL('../..', import.meta.url))}`,
    `--allow-fs-read=${modules}`,
    // How isolated-vm's loader chooses among its binaries.
    '--allow-fs-read=/etc/alpine-release',
    ...net,
  ];
}
