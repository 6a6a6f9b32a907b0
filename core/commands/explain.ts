import { type Arrival, Fields, Reply, type Route, refusalKinds } from '#sdk';
import { formatPosition } from '../config/problems.ts';
import { Gateway, readFromDisk } from '../gateway.ts';
import { hostName } from '../http/head.ts';
import { describeBindings } from '../kernel/describe.ts';
import type { CompletedListener, Endpoint } from '../kernel/endpoint.ts';
import type { BuiltSnapshot } from '../plugins/snapshot.ts';
import { silentLog } from './log.ts';
import { UsageError, configPath } from './usage.ts';

/** Says which API a request reaches, and what each hook runs for it, with the line that bound it. */
export async function explain(
  config: string | undefined,
  args: readonly string[],
  headers: readonly string[],
): Promise<number> {
  const [method, address] = args;
  if (method === undefined || address === undefined)
    throw new UsageError('explain METHOD URL: one of them is missing');
  if (!URL.canParse(address)) throw new UsageError(`"${address}" is no URL; allowed: http://host/path?query`);
  if (!/^https?:\/\//i.test(address)) throw new UsageError(`"${address}" is neither http:// nor https://`);
  const arrival = readArrival(method.toUpperCase(), address, readHeaders(headers));
  const { snapshot } = await new Gateway({ log: silentLog }).build(readFromDisk(configPath(config)));
  const code = report(snapshot, arrival);
  snapshot.retire();
  return code;
}

function readHeaders(lines: readonly string[]): Fields {
  const fields = new Fields();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new UsageError(`-H "${line}" is no header field; allowed: 'Name: value'`);
    fields.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

function report(snapshot: BuiltSnapshot, arrival: Arrival): number {
  const ending = snapshot.routing?.(arrival);
  if (ending === undefined) {
    print(`no API: 404 ${refusalKinds['not-found'].code}`);
    for (const describeMiss of snapshot.missDescribers) {
      for (const text of linesOf(describeMiss, arrival)) print(`  ${text}`);
    }
    return 1;
  }
  if ('fault' in ending) {
    print(`routing failed: 500 ${refusalKinds.internal.code}`);
    print(`  the plugin ${ending.handler.plugin} failed`);
    return 1;
  }
  if (ending.answer instanceof Reply) {
    print(`refused by routing: ${ending.answer.status} ${ending.answer.refusal?.message ?? ''}`);
    return 1;
  }
  describe(snapshot, arrival, ending.answer);
  return 0;
}

function linesOf(describeMiss: (arrival: Arrival) => readonly string[], arrival: Arrival): readonly string[] {
  try {
    return describeMiss(arrival).map(String);
  } catch {
    return ['(the plugin failed to describe this)'];
  }
}

/** The request as a listener would hand it on. */
function readArrival(method: string, address: string, headers: Fields): Arrival {
  const url = new URL(address);
  // The path as typed: what URL does to dots and escapes would explain another request.
  const [, typed = ''] = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(address) ?? [];
  const path = typed.split('?', 1)[0] ?? '';
  const named = headers.get('host');
  const host = hostName(named ?? url.host);
  if (host === undefined)
    throw new UsageError(`"${named ?? url.host}" is no host; allowed: host or host:port`);
  const isSecure = url.protocol === 'https:';
  return {
    requestId: 'explain',
    method,
    scheme: isSecure ? 'https' : 'http',
    host,
    port: Number(url.port) || (isSecure ? 443 : 80),
    path: path === '' ? '/' : path,
    rawQuery: url.search.slice(1),
    headers,
    clientAddress: '127.0.0.1',
    httpVersion: '1.1',
  };
}

function describe(snapshot: BuiltSnapshot, arrival: Arrival, route: Route): void {
  const { target, pathValues, rest } = route;
  const { api, environment, handlers, finishers, completed } = target as Endpoint;
  print(`API          ${api.name}`);
  print(`environment  ${environment}`);
  for (const [name, value] of pathValues) print(`path value   ${name} = ${value}`);
  if (rest !== undefined && rest !== '') print(`path rest    ${rest}`);
  const all = {
    routing: snapshot.routingHandlers,
    ...handlers,
    finish: finishers,
    completed: [...completed, ...snapshot.completed],
  };
  for (const [hook, list] of Object.entries(all)) {
    print(hook);
    if (list.length === 0) print('  nothing');
    for (const each of list) print(`  ${line(each)}`);
  }
  print('backend');
  print(`  ${(api.definition['backend'] as { type: string }).type}`);
  const said = describeBindings(snapshot, arrival, route, Date.now()).filter(({ lines }) => lines.length > 0);
  if (said.length > 0) print('details');
  for (const each of said) {
    print(`  ${line(each)}`);
    for (const text of each.lines) print(`    ${text}`);
  }
}

function line({ plugin, binding, at }: Pick<CompletedListener, 'plugin' | 'binding' | 'at'>): string {
  return `${plugin} (${binding})${at === undefined ? '' : ` ${formatPosition(at)}`}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
