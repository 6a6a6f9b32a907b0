import { request } from 'node:http';
import { type CpuTimes, cpuTimes, residentBytes } from './cpu.ts';
import { BACKEND_BODY, type Target, withBeside } from './targets.ts';
import { findProgram, type Workspace } from './workspace.ts';

/** What wrk sends: GET requests to `path`, where `%05d` counts from 0 to `count - 1` and starts over; POST with a body. */
export interface Load {
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly count: number;
  readonly body?: string | undefined;
  /** Of wrk, which share the connections; 1 unless given. */
  readonly threads?: number;
}

export interface Sample {
  readonly requests: number;
  readonly cpuUs: number;
  /** What of it went by in the kernel. */
  readonly systemUs: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly residentMiB: number;
}

interface WrkResult {
  readonly requests: number;
  readonly durationUs: number;
  readonly p99Us: number;
  readonly connect: number;
  readonly read: number;
  readonly write: number;
  readonly timeout: number;
  readonly status: number;
}

export function whyNoLoad(): string | undefined {
  return findProgram('wrk') === undefined ? 'wrk is not installed: apt-get install wrk' : undefined;
}

/** wrk counts an answer that takes longer as an error, two seconds unless told, which a busy machine may well take. */
const TIMEOUT_SECONDS = 60;
/** A machine that is busy with other things for a whole measurement gets another chance. */
const ATTEMPTS = 3;

/** Loads a target for some seconds. Any answer but 2xx and any socket error is thrown. */
export async function measure(
  workspace: Workspace,
  target: Target,
  load: Load,
  connections: number,
  seconds: number,
  attempts = ATTEMPTS,
): Promise<Sample> {
  const ports = withBeside(target).map(({ port }) => port);
  const script = workspace.write('load.lua', toLua(load, ports));
  const before = cpuTimesOf(target);
  const args = [
    `-t${load.threads ?? 1}`,
    `-c${connections}`,
    `-d${seconds}s`,
    `--timeout=${TIMEOUT_SECONDS}s`,
    '--latency',
  ];
  const wrk = workspace.start('wrk', findProgram('wrk') ?? 'wrk', [
    ...args,
    '-s',
    script,
    `http://127.0.0.1:${target.port}/`,
  ]);
  const code = await wrk.exited;
  const after = cpuTimesOf(target);
  const result = parseResult(target.process.name, code, wrk.output());
  if (result.requests === 0) {
    if (attempts <= 1) throw new Error(`${target.process.name} answered nothing in ${seconds} s`);
    return measure(workspace, target, load, connections, seconds, attempts - 1);
  }
  if (result.requests < load.count) {
    console.error(
      `${target.process.name}: only ${result.requests} of ${load.count} APIs were called in ${seconds} s`,
    );
  }
  return {
    requests: result.requests,
    cpuUs: (after.totalUs - before.totalUs) / result.requests,
    systemUs: (after.systemUs - before.systemUs) / result.requests,
    requestsPerSecond: (result.requests / result.durationUs) * 1e6,
    p99Ms: result.p99Us / 1000,
    residentMiB: sum(withBeside(target).map(({ process }) => residentBytes(process.pid))) / 2 ** 20,
  };
}

function cpuTimesOf(target: Target): CpuTimes {
  const times = withBeside(target).map(({ process }) => cpuTimes(process.pid));
  return {
    totalUs: sum(times.map(({ totalUs }) => totalUs)),
    systemUs: sum(times.map(({ systemUs }) => systemUs)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function parseResult(name: string, code: number | string, output: string): WrkResult {
  const line = /^BENCH (.*)$/m.exec(output)?.[1];
  if (code !== 0 || line === undefined) throw new Error(`${name}: wrk failed (${code})\n${output}`);
  const result = JSON.parse(line) as WrkResult;
  const errors = result.connect + result.read + result.write + result.timeout + result.status;
  if (errors > 0) {
    throw new Error(`${name}: ${errors} failed of ${result.requests} requests, not a measurement\n${output}`);
  }
  return result;
}

// Requests are built once, in init, so that a script costs wrk little; a load of one path needs no
// request function at all. done() repeats in numbers what `wrk --latency` prints with units.
function toLua(load: Load, ports: readonly number[]): string {
  const headers = Object.entries({ Host: load.host, ...load.headers });
  const assignments = headers.map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  if (load.body !== undefined)
    assignments.push('wrk.method = "POST"', `wrk.body = ${JSON.stringify(load.body)}`);
  return `${assignments.join('\n')}
${load.count === 1 ? `wrk.path = ${JSON.stringify(load.path)}` : toLuaRequests(load)}
${ports.length === 1 ? '' : toLuaPorts(ports)}

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\nBENCH {"requests":%d,"durationUs":%d,"p99Us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\\n',
    summary.requests, summary.duration, latency:percentile(99.0),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
`;
}

function toLuaPorts(ports: readonly number[]): string {
  return `
local ports, threads = { ${ports.map((port) => `"${port}"`).join(', ')} }, 0
function setup(thread)
  thread.addr = wrk.lookup("127.0.0.1", ports[threads % #ports + 1])[1]
  threads = threads + 1
end`;
}

function toLuaRequests(load: Load): string {
  return `local built, following = {}, 0
function init(args)
  for i = 0, ${load.count - 1} do
    built[i] = wrk.format("GET", string.format(${JSON.stringify(load.path)}, i))
  end
end
function request()
  local text = built[following]
  following = (following + 1) % ${load.count}
  return text
end`;
}

/** Asks once for the first, a middle and the last path: wrk does not look at bodies, nor complain of a 3xx. */
export async function probe(target: Target, load: Load): Promise<void> {
  for (const index of new Set([0, Math.floor(load.count / 2), load.count - 1])) {
    const path = load.path.replace('%05d', String(index).padStart(5, '0'));
    const { status, body } = await fetchOnce(target.port, path, load);
    if (status !== 200 || body !== BACKEND_BODY) {
      const log = target.process.output().slice(-2000);
      throw new Error(`${target.process.name}: ${path} was answered ${status} ${body}\n${log}`);
    }
  }
}

function fetchOnce(
  port: number,
  path: string,
  load: Load,
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const method = load.body === undefined ? 'GET' : 'POST';
    const headers = { Host: load.host, ...load.headers };
    const sent = request(
      { host: '127.0.0.1', port, method, path, headers, agent: false, timeout: 10_000 },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => (body += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode, body }));
        answer.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer from port ${port} to ${path}`)));
    sent.on('error', reject);
    sent.end(load.body);
  });
}
