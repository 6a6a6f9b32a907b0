import { type Backend, type Exchange, type Hooks, type Kit, Reply, type Staged } from '#sdk';
import type { SandboxedBinding } from './binding.ts';
import type { Notices } from './notices.ts';
import type { BoundShape } from './shapes.ts';
import { printable } from './untrusted.ts';

const cannot: Readonly<Record<string, string>> = {
  setup: 'gateway-wide hooks run in process only',
  bindRest: 'it would run for every API; bind it where it is meant',
  section: 'put what it needs into the options of a binding',
  moreSections: 'put what it needs into the options of a binding',
  backendField: 'put what it needs into the options of a binding',
  groupField: 'put what it needs into the options of a binding',
  offers: 'services run in process only',
  dialects: 'write its own options',
  kind: 'bind it once to an API',
};

/** Why a plugin with this key in its definition cannot run in a sandbox; undefined when it can. */
export function unsupported(key: string): string | undefined {
  const instead = Object.hasOwn(cannot, key) ? cannot[key] : undefined;
  return instead === undefined
    ? undefined
    : `"${key}" is not available in a sandbox: ${instead}, or run the plugin in process`;
}

/**
 * The hooks of a sandboxed plugin, as `bind` in its isolate told them.
 * @throws Error when they are nothing that a binding can have
 */
export function hooksOf(
  { wrong, hooks: told = [], stages = {}, problems = [], backends = [] }: BoundShape,
  kit: Kit,
  binding: SandboxedBinding,
  notices: Notices,
  describe: () => readonly string[],
): Hooks {
  if (wrong !== undefined) throw new Error(wrong);
  for (const [path, message, offset] of problems) report(kit, path, message, offset);
  // Made here, once, from what stands in the configuration: an isolate chooses among them.
  binding.backends = backends.map(({ definition, path }): Backend => kit.backend(definition, path));
  binding.isAuthenticator = stages['auth'] === 'authenticate';
  const hooks: Record<string, unknown> = { describe };
  for (const [name, kind] of told) {
    if (kind !== 'function') throw new Error(`"${name}" must be a function`);
    const handle = hookOf(name, binding, notices);
    const isStaged = Object.hasOwn(stages, name);
    // Checked, as the key is, by whoever checks what `bind` returns.
    if (handle !== undefined) hooks[name] = isStaged ? { stage: stages[name], handle } : handle;
  }
  return hooks;
}

function hookOf(name: string, binding: SandboxedBinding, notices: Notices): unknown {
  switch (name) {
    case 'preAuth':
      return ((exchange) => noBackend(binding.onExchange('preAuth', exchange))) satisfies Hooks['preAuth'];
    case 'auth':
      return ((exchange: Exchange) => noBackend(binding.onExchange('auth', exchange))) satisfies Staged<
        'auth',
        Exchange,
        Reply
      >['handle'];
    case 'backendRouting':
      return ((exchange) => binding.onExchange('backendRouting', exchange)) satisfies Hooks['backendRouting'];
    case 'backendSigning':
      return ((outbound) => noBackend(binding.onOutbound(outbound))) satisfies Hooks['backendSigning'];
    case 'response':
      return ((inbound) => noBackend(binding.onInbound(inbound))) satisfies Hooks['response'];
    case 'completed':
      return ((notice) => notices.add(notice)) satisfies Hooks['completed'];
    case 'finish':
      throw new Error(
        '"finish" is synchronous and cannot run in a sandbox: use "response", or run the plugin in process',
      );
    case 'backend':
      throw new Error('a backend cannot run in a sandbox; run the plugin in process');
    case 'describe':
    case 'dispose':
      // The gateway describes a sandboxed plugin itself, and its isolate goes with all that is in it.
      return undefined;
    default:
      return () => undefined;
  }
}

/** Only a hook that chooses one gets a backend; the binding has seen to it. */
async function noBackend(answer: Promise<Reply | Backend | undefined>): Promise<Reply | undefined> {
  const given = await answer;
  return given instanceof Reply ? given : undefined;
}

function report(kit: Kit, path: unknown, message: unknown, offset: unknown): void {
  const steps = Array.isArray(path) ? path.filter((step) => ['string', 'number'].includes(typeof step)) : [];
  const place = typeof offset === 'number' ? offset : undefined;
  kit.problem(steps as (string | number)[], printable(String(message).slice(0, 500)), place);
}
