import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Scripts that measure one call each, in processes of their own; each prints a line `N us ...` a round. */
const scripts = [
  ['a custom authorizer’s decision that is kept', 'authorizer-decision.ts'],
  ['a function that is warm', 'isolate-call.ts'],
] as const;

/** What single calls within the gateway take, as a table. */
export function measureCalls(): string {
  const rows = scripts.map(([title, script]) => {
    console.error(`measuring: ${title}`);
    const times = roundsOf(script);
    const median = times[Math.floor(times.length / 2)] ?? Number.NaN;
    return `| ${title} | ${median.toFixed(1)} | ${times[0]?.toFixed(1)}..${times.at(-1)?.toFixed(1)} |`;
  });
  return ['| Call | µs, median | min..max |', '| --- | ---: | ---: |', ...rows].join('\n');
}

/** In ascending order. */
function roundsOf(script: string): number[] {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  const times = [...stdout.matchAll(/^([\d.]+) us /gm)].map(([, time]) => Number(time));
  if (status !== 0 || times.length === 0) throw new Error(`${script} failed (${status})\n${stderr}`);
  return times.toSorted((a, b) => a - b);
}
