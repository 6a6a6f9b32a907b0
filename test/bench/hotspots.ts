import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of V8's .cpuprofile format that is read here; times in microseconds. */
export interface CpuProfile {
  readonly startTime: number;
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly children?: readonly number[];
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

export interface Window {
  readonly startUs: number;
  readonly endUs: number;
}

/** The functions with the most self time within the window, as a table. */
export function toHotspots(profiles: readonly CpuProfile[], window: Window, top: number): string {
  const times = new Map<string, number>();
  const byPlugin = new Map<string, number>();
  const byArea = new Map<string, number>();
  for (const profile of profiles) {
    const places = new Map(profile.nodes.map((node) => [node.id, toPlace(node)]));
    addTimes(profile, window, (id) => places.get(id) ?? '(unknown)', times);
    const areas = new Map(profile.nodes.map((node) => [node.id, toArea(node)]));
    addTimes(profile, window, (id) => areas.get(id), byArea);
    const plugins = toPlugins(profile.nodes);
    addTimes(profile, window, (id) => plugins.get(id), byPlugin);
  }
  const idle = takeIdle(times);
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0);
  if (busy === 0) throw new Error('the profile has no samples from the time under load');
  const rows = [...times].toSorted((a, b) => b[1] - a[1]).slice(0, top);
  const lines = rows.map(([place, time]) => `${toPercent(time / busy)}  ${toSeconds(time)}  ${place}`);
  const rest = busy - rows.reduce((sum, [, time]) => sum + time, 0);
  return [
    ` self %   self s  function (of ${toSeconds(busy).trim()} s busy, ${toSeconds(idle).trim()} s idle)`,
    ...lines,
    `${toPercent(rest / busy)}  ${toSeconds(rest)}  ${times.size - rows.length} more functions`,
    '',
    ' self %   self s  area',
    ...toShares(byArea, busy),
    '',
    ' % within  s within  plugin, with all that it calls',
    ...toShares(byPlugin, busy),
  ].join('\n');
}

function toShares(times: ReadonlyMap<string, number>, busy: number): string[] {
  return [...times]
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, time]) => `${toPercent(time / busy)}  ${toSeconds(time)}  ${name}`);
}

/** Whose code it is: a package, a folder of ours, Node's own; native functions by what they do. */
function toArea({ callFrame: { functionName, url } }: ProfileNode): string | undefined {
  if (functionName === '(idle)') return undefined;
  const [, name] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  if (name !== undefined) return name;
  if (url.startsWith('node:')) return `node: ${/^node:(?:internal\/)?([a-z0-9_]+)/.exec(url)?.[1] ?? ''}`;
  if (url.startsWith('wasm')) return 'wasm';
  if (url.startsWith('file:')) return /\/((?:core|plugins|sdk)\/[^/]+)/.exec(url)?.[1] ?? url;
  if (/^write|^shutdown/.test(functionName)) return 'writing to sockets';
  return functionName.startsWith('(') ? functionName : 'native';
}

/** Adds up the time of samples by what `nameOf` calls their node; what it does not name is left out. */
function addTimes(
  profile: CpuProfile,
  window: Window,
  nameOf: (node: number) => string | undefined,
  times: Map<string, number>,
): void {
  let now = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    now += profile.timeDeltas[index] ?? 0;
    if (now < window.startUs || now > window.endUs) continue;
    const name = nameOf(id);
    if (name === undefined) continue;
    // A delta is the time since the previous sample: a sample's own time is the delta of the next one.
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[index + 1] ?? 0));
  }
}

/** The plugin in which each node runs: its own folder's, or that of the nearest caller in one. */
function toPlugins(nodes: readonly ProfileNode[]): Map<number, string> {
  const plugins = new Map<number, string>();
  // Callers come before what they call.
  for (const { id, callFrame, children = [] } of nodes) {
    const [, own] = /\/plugins\/([^/]+)\//.exec(callFrame.url) ?? [];
    if (own !== undefined) plugins.set(id, own);
    const plugin = plugins.get(id);
    if (plugin !== undefined) for (const child of children) plugins.set(child, plugin);
  }
  return plugins;
}

/** Removes what is not work: waiting for events, which V8 calls idle. */
function takeIdle(times: Map<string, number>): number {
  const idle = times.get('(idle)') ?? 0;
  times.delete('(idle)');
  return idle;
}

function toPlace({ callFrame }: ProfileNode): string {
  // A regular expression's "name" is its source, which may be a page long.
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName.slice(0, 80);
  if (callFrame.url === '') return name;
  const isFile = callFrame.url.startsWith('file://');
  const path = isFile ? relative(process.cwd(), fileURLToPath(callFrame.url)) : callFrame.url;
  return `${name}  ${path}:${callFrame.lineNumber + 1}`;
}

function toPercent(share: number): string {
  return (share * 100).toFixed(2).padStart(7);
}

function toSeconds(timeUs: number): string {
  return (timeUs / 1e6).toFixed(3).padStart(7);
}
