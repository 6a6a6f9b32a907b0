import { type Hooks, type HttpTarget, type Kit, definePlugin } from '#sdk';
import { Copies } from './copies.ts';
import { Config, proxyMirror } from './options.ts';

interface Bound {
  readonly place: Readonly<Record<string, string>>;
  readonly copies: Copies;
}

/** The mirrors of each gateway, by its log, which all of its configurations share. */
const bound = new WeakMap<object, Set<Bound>>();

export default definePlugin({
  name: 'mirror',
  summary: 'Sends copies of requests to another server, whose answers nobody gets.',
  config: Config,
  dialects: { 'huawei/proxy_mirror': proxyMirror },
  setup: (_section, { log }) => ({
    status: () => Array.from(bound.get(log) ?? [], ({ place, copies }) => ({ ...place, ...copies.status() })),
  }),
  bind(config: Config, kit): Hooks {
    const { api, environment, binding, log, http } = kit;
    if ((api.definition['backend'] as { readonly type?: unknown }).type === 'mock')
      kit.problem([], `the backend of ${api.name} is a mock; requests to a mock are not mirrored`);
    const target = targetOf(config.address, kit);
    if (target === undefined) return {};
    const place = { binding, api: api.name, environment };
    const copies = new Copies(target, http, config, log, place);
    const mirrors = bound.get(log) ?? new Set();
    const entry = { place, copies };
    bound.set(log, mirrors.add(entry));
    return {
      // What the backend gets is complete by then, and nobody has signed it: a signature is for the backend alone.
      backendSigning: { stage: 'copy', handle: (outbound) => copies.copy(outbound) },
      describe: () => [inWords(config)],
      dispose: () => void mirrors.delete(entry),
    };
  },
});

function targetOf(address: string, kit: Kit): HttpTarget | undefined {
  try {
    return kit.http.target(address);
  } catch (error) {
    // Of the whole document: its address has another name in another dialect.
    kit.problem([], `found "${address}"; ${error instanceof Error ? error.message : 'not an address'}`);
    return undefined;
  }
}

function inWords({ address, ratio, withBody, path, pathMode }: Config): string {
  const where =
    path === undefined
      ? address
      : `${address}, ${path} ${pathMode === 'replace' ? 'instead of' : 'before'} the path`;
  return `copies ${ratio * 100} per cent of the requests to ${where}${withBody ? '' : ', without content'}`;
}
