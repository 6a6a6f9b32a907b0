import { createHash } from 'node:crypto';
import type { Clock, Hooks, Kit, Log, Needs, PluginDefinition, TSchema } from '#sdk';
import { type ExtensionSource, type LoadedPlugin, type Sandboxed, loadGiven } from '../plugins/registry.ts';
import { type BindInfo, SandboxedBinding } from './binding.ts';
import type { Cage } from './cage.ts';
import type { Cages } from './cages.ts';
import { describeCage, explained, firstLine } from './describe.ts';
import { hooksOf, unsupported } from './hooks.ts';
import { type SandboxOptions, callLimits, loadLimits } from './limits.ts';
import { Notices } from './notices.ts';
import { BoundShape, Described } from './shapes.ts';
import { type PluginProgram, readProgram } from './source.ts';
import { parseUntrusted, readUntrusted, schemaProblem } from './untrusted.ts';

/** What sandboxed plugins are built on. */
export interface SandboxHost {
  readonly cages: Cages;
  readonly log: Log;
  readonly clock: Clock;
}

/**
 * Loads a plugin whose code never runs in this process.
 * @throws Error saying what is wrong with it
 */
export async function loadSandboxed(
  name: string,
  located: ExtensionSource,
  options: SandboxOptions,
  host: SandboxHost,
): Promise<LoadedPlugin> {
  const source = readProgram(name, located);
  const described = await host.cages.describe(source, options);
  if (described.fault !== undefined) throw new Error(explained(described.detail, source));
  const facts = readUntrusted(Described, described.json);
  const { keys, name: own, summary, apiField, needs = {} } = facts;
  if (keys === null)
    throw new Error('its default export is no plugin; use `export default definePlugin({...})`');
  const problem = keys.map((key) => unsupported(key)).find((each) => each !== undefined);
  if (problem !== undefined) throw new Error(problem);
  if (name.startsWith('backend-')) throw new Error('a backend cannot run in a sandbox; run it in process');
  const config = configOf(facts);
  const binder = new SandboxBinder(name, source, options, needs, host);
  const definition = {
    // Checked by the registry, like those of plugins in process.
    ...Object.fromEntries(keys.map((key) => [key, undefined])),
    name: own as string,
    summary: summary ?? '',
    ...(config === undefined ? {} : { config }),
    ...(apiField === undefined ? {} : { apiField }),
    needs,
    bind: (_config: unknown, kit: Kit) => binder.bind(kit),
  } satisfies PluginDefinition;
  return { ...loadGiven(definition, name), sandbox: binder };
}

function configOf({ schema }: Described): TSchema | undefined {
  if (schema === undefined) return undefined;
  const config = parseUntrusted(schema);
  const problem = schemaProblem(config);
  if (problem !== undefined) throw new Error(problem);
  return config as TSchema;
}

interface Bound {
  readonly binding: SandboxedBinding;
  readonly cage: Cage;
  readonly notices: Notices;
  readonly told: BoundShape | Error;
}

/** Binds a sandboxed plugin for one configuration. */
class SandboxBinder implements Sandboxed {
  readonly #plugin: string;
  readonly #source: PluginProgram;
  readonly #options: SandboxOptions;
  readonly #needs: Needs;
  readonly #host: SandboxHost;
  readonly #cages = new Map<string, Cage>();
  readonly #bound = new Map<string, Bound>();
  /** One after the other for each entry: they would only queue for its processes. */
  readonly #last = new Map<string, Promise<void>>();

  constructor(
    plugin: string,
    source: PluginProgram,
    options: SandboxOptions,
    needs: Needs,
    host: SandboxHost,
  ) {
    this.#plugin = plugin;
    this.#source = source;
    this.#options = options;
    this.#needs = needs;
    this.#host = host;
  }

  bindAhead(use: Parameters<Sandboxed['bindAhead']>[0]): Promise<void> {
    const before = this.#last.get(use.binding) ?? Promise.resolve();
    const next = before.then(() => this.#ask(use));
    this.#last.set(use.binding, next);
    return next;
  }

  /** What was asked ahead. */
  bind(kit: Kit): Hooks {
    const found = this.#bound.get(placeOf(kit));
    if (found === undefined) throw new Error('a sandboxed plugin cannot be bound here');
    const { binding, cage, notices, told } = found;
    if (told instanceof Error) throw told;
    return hooksOf(told, kit, binding, notices, () =>
      describeCage(cage, this.#options, this.#needs, binding.isOpen),
    );
  }

  async dispose(): Promise<void> {
    const flushed = [...this.#bound.values()].map(({ notices }) => notices.flush());
    this.#bound.clear();
    // What is told of the last requests is bounded in number and time.
    await Promise.allSettled(flushed);
    for (const key of this.#cages.keys()) this.#host.cages.giveBack(key);
    this.#cages.clear();
  }

  async #ask({
    config,
    binding,
    api,
    environment,
    onError,
  }: Parameters<Sandboxed['bindAhead']>[0]): Promise<void> {
    const { log, clock } = this.#host;
    const { name, request, group } = api;
    const info: BindInfo = {
      config,
      api: { name, request, group: { name: group.name, hosts: group.hosts } },
      environment,
      binding,
    };
    const key = digest([info.api, environment]);
    const cageKey = digest([this.#source.hash, this.#options, binding, config]);
    const cage = this.#cage(cageKey);
    cage.logTo(log, this.#plugin, binding);
    const made = new SandboxedBinding({
      plugin: this.#plugin,
      key,
      info,
      cage,
      limits: callLimits(this.#options, this.#needs),
      needs: this.#needs,
      isOpen: onError === 'open',
      log,
      now: () => clock.now(),
    });
    const told = await tell(cage, { op: 'bind', key, info, now: clock.now() });
    const notices = new Notices(made, cage);
    this.#bound.set(placeOf({ api, environment, binding }), { binding: made, cage, notices, told });
  }

  #cage(key: string): Cage {
    const { cages } = this.#host;
    const there = this.#cages.get(key);
    if (there !== undefined) return there;
    const cage = cages.take(key, this.#source, this.#options);
    this.#cages.set(key, cage);
    return cage;
  }
}

async function tell(cage: Cage, call: object): Promise<BoundShape | Error> {
  const result = await cage.ask(call, loadLimits);
  if (result.fault !== undefined) return new Error(firstLine(result.detail));
  try {
    return readUntrusted(BoundShape, result.json);
  } catch (error) {
    return error instanceof Error ? error : new Error('it answered nonsense');
  }
}

function placeOf({
  api,
  environment,
  binding,
}: Pick<Kit, 'environment' | 'binding'> & { api: { name: string } }): string {
  return `${environment} ${api.name} ${binding}`;
}

/** Options may hold secrets, and stay out of what names them. */
function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
