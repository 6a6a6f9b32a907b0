import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toTable } from './markdown.ts';
import { UsageError, toCounts, toWords } from './options.ts';
import { toApisReport } from './parts/apis.ts';
import { toCapabilitiesReport } from './parts/capabilities.ts';
import { toCpuReport } from './parts/cpu.ts';
import { toLatencyTable } from './parts/latency.ts';
import { toReloadReport } from './parts/reload.ts';
import { toPanels } from './parts/soak.ts';
import { toWorkersReport } from './parts/workers.ts';
import type { Sample } from './load.ts';
import { toReport } from './report.ts';

function sample(cpuUs: number, others: Partial<Sample> = {}): Sample {
  const figures = {
    requests: 1000,
    systemUs: 9.96,
    requestsPerSecond: 5000,
    p99Ms: 12.345,
    residentMiB: 99.6,
  };
  return { cpuUs, ...figures, ...others };
}

/** The cells of a table's line that begins with this. */
function rowOf(report: string, name: string): string[] {
  const line = report.split('\n').find((each) => each.startsWith(`| ${name} |`));
  assert.ok(line !== undefined, `no line ${name} in\n${report}`);
  return line.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, ''));
}

test('a table keeps what is in its cells', () => {
  assert.equal(toTable(['A', 'B'], [['x|y\nz', '1']]), '| A | B |\n| --- | ---: |\n| x\\|y z | 1 |');
});

test('CPU time is compared with nginx within the rounds', () => {
  const report = toCpuReport([
    { name: 'nginx', samples: [sample(10), sample(20), sample(10)] },
    { name: 'tapgate', samples: [sample(25), sample(50), sample(30)] },
  ]);
  assert.deepEqual(rowOf(report, 'tapgate'), [
    'tapgate',
    '30.0',
    '25.0..50.0',
    '2.50',
    '5000',
    '12.35',
    '100',
  ]);
});

test('without nginx there is no ratio', () => {
  assert.equal(rowOf(toCpuReport([{ name: 'bare', samples: [sample(25)] }]), 'bare')[3], '-');
});

test('added latency is the difference to the backend itself', () => {
  const of = (base: number) => ({ p50: base, p90: base + 1, p99: base + 2, max: base + 10 });
  const table = toLatencyTable([
    { name: 'backend itself', rounds: [of(1), of(2)], failed: 0 },
    { name: 'tapgate', rounds: [of(1.5), of(2.5)], failed: 3 },
  ]);
  const numbers = ['2.00', '3.00', '4.00', '12.00', '0.50', '0.50', '0.50', '0.50', '3'];
  assert.deepEqual(rowOf(table, 'tapgate').slice(1), numbers);
  assert.deepEqual(rowOf(table, 'backend itself').slice(5), ['-', '-', '-', '-', '0']);
});

test('numbers of APIs are compared with the fewest', () => {
  const size = { loadMs: 700, reloadMs: [90, 10, 20], heapBytes: 30 * 2 ** 20 };
  const report = toApisReport([
    { ...size, count: 10, samples: [sample(40)] },
    { ...size, count: 10_000, samples: [sample(44)] },
  ]);
  assert.deepEqual(rowOf(report, '10,000'), ['10,000', '700', '20', '44.0', '1.10', '30', '100']);
});

test('requests during a reload are told apart from those before and after', () => {
  const at = (time: number, us: number, failed = {}) => ({ at: time, us: [us], failed });
  const memory = { at: 0, isCollected: true, heapUsed: 2 ** 20, rss: 2 ** 21, external: 0 };
  const report = toReloadReport({
    plan: { apis: 10_000, reloads: 1, rate: 500, beforeSeconds: 2, pauseMs: 1000 },
    windows: [at(0, 9), at(1000, 1000), at(2000, 2000, { 'no answer': 2 }), at(3000, 3000)],
    changes: [{ startMs: 2010, endMs: 2700 }],
    heap: { before: memory, after: memory },
  });
  assert.deepEqual(rowOf(report, 'before the reloads'), [
    'before the reloads',
    '1',
    '0',
    '1.00',
    '1.00',
    '1.00',
  ]);
  assert.deepEqual(rowOf(report, 'while a reload runs').slice(1, 4), ['1', '2', '2.00']);
  assert.deepEqual(rowOf(report, 'between and after').slice(1, 4), ['1', '0', '3.00']);
  assert.match(report, /Live after\n690 ms/);
  assert.match(report, /Failed: 2 x no answer\./);
});

test('workers are compared with one process, one worker and as many processes, of the same scenario', () => {
  const report = toWorkersReport([
    { name: 'plain API, one process', samples: [sample(20), sample(40)] },
    { name: 'plain API, 2 processes', samples: [sample(40), sample(50)] },
    { name: 'plain API, 1 worker', samples: [sample(40), sample(40)] },
    { name: 'plain API, 2 workers', samples: [sample(50), sample(50)] },
    { name: 'full chain, 2 workers', samples: [sample(80)] },
  ]);
  const heading =
    '| Workers | requests/s | min..max | CPU µs/request | of it system | ÷ one process | ÷ 1 worker | ÷ as many processes |';
  assert.ok(report.includes(heading), report);
  assert.deepEqual(rowOf(report, 'plain API, 2 workers').slice(3, 8), [
    '50.0',
    '10.0',
    '1.88',
    '1.25',
    '1.13',
  ]);
  assert.equal(rowOf(report, 'plain API, 1 worker')[7], '1.50');
  assert.deepEqual(rowOf(report, 'full chain, 2 workers').slice(5, 8), ['-', '-', '-']);
});

test('each capability is compared with the plain API that was measured before it', () => {
  const report = toCapabilitiesReport(
    [
      { name: 'plain API', samples: [sample(10), sample(20), sample(30), sample(40)] },
      { name: 'first', samples: [sample(11), sample(32)] },
      { name: 'second', samples: [sample(25), sample(44)] },
    ],
    1,
  );
  assert.deepEqual(rowOf(report, 'first').slice(1), ['21.5', '1.0', '1.5', '1.0..2.0', '1.08']);
  assert.deepEqual(rowOf(report, 'second').slice(1, 5), ['34.5', '5.0', '4.5', '4.0..5.0']);
});

test('a soak is drawn in minutes from its beginning, in MiB and milliseconds', () => {
  const memory = (at: number, heapUsed: number) => ({
    at,
    isCollected: false,
    heapUsed,
    rss: 2 ** 21,
    external: 0,
  });
  const panels = toPanels(
    [{ at: 60_000, us: [1000, 3000], failed: {} }],
    [memory(60_100, 2 ** 20), memory(60_200, 2 ** 22), memory(61_900, 2 ** 20)],
  );
  assert.deepEqual(
    panels.map(({ unit }) => unit),
    ['MiB', 'ms'],
  );
  assert.deepEqual(
    panels[0]?.lines[1]?.points.map(([, y]) => y),
    [1, 1],
  );
  assert.deepEqual(panels[1]?.lines[1]?.points, [[0.5 / 60, 2]]);
});

test('the report has its date, machine, versions, remarks and all sections', () => {
  const conditions = {
    date: new Date('2026-01-02T03:04:05Z'),
    machine: '2 CPUs (some), 4 GiB of memory, Linux 6',
    versions: [['nginx', '1.22.1'] as const],
    load: 'wrk 4.1.0',
    backend: 'nginx',
    stolen: 0.012,
    minutes: 9.6,
  };
  const report = toReport(conditions, [{ title: 'One', text: 'text' }], ['Left out: caddy.']);
  for (const text of ['2026-01-02T03:04Z', '2 CPUs (some)', `Node ${process.versions.node}`, 'nginx 1.22.1'])
    assert.ok(report.includes(text), text);
  assert.match(report, /1\.2 %/);
  assert.match(report, /- Left out: caddy\.\n\n## One\n\ntext\n$/);
});

test('numbers of a flag are sorted, and anything else is refused', () => {
  assert.deepEqual(toCounts({ apis: '1000, 10' }, 'apis', [5]), [10, 1000]);
  assert.deepEqual(toCounts({}, 'apis', [5]), [5]);
  assert.throws(() => toCounts({ apis: '10,many' }, 'apis', [5]), UsageError);
  assert.deepEqual(toWords({}, 'capabilities'), []);
});
