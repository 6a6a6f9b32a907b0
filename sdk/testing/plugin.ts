import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBackend } from '../../core/plugins/registry.ts';
import type { PluginDefinition } from '../plugin.ts';
import type { MemoryBackend } from './backend.ts';
import type { VirtualClock } from './clock.ts';
import { type TestGateway, testGateway } from './gateway.ts';

export interface PluginTest {
  /** The options of the binding. */
  readonly config?: unknown;
  /** A dialect to give the options in, such as `huawei/rate_limit`. */
  readonly type?: string;
  /** What stands behind the API; 200 with the request as JSON unless given. */
  readonly backend?: MemoryBackend;
  /** Fields of the API beside or instead of `request`, `auth: none` and the backend. */
  readonly api?: Readonly<Record<string, unknown>>;
  /** Further top-level keys, such as the plugin's section. */
  readonly root?: Readonly<Record<string, unknown>>;
  readonly clock?: VirtualClock;
  /**
   * Its source, to run it in a sandbox instead of the test's own process: `new URL('plugin.ts', import.meta.url)`, or with what it
   * may use. A folder's file stands for the folder.
   */
  readonly sandbox?: URL | { readonly source: URL; readonly memoryMb?: number; readonly timeoutMs?: number };
  /** What a fault of a sandboxed plugin means; `closed` unless given. */
  readonly onError?: 'closed' | 'open';
}

/**
 * Runs one plugin: bound to an API that takes every request of the host `test`.
 *
 * @example
 * const gateway = await testPlugin(plugin, { config: { header: 'x-hello' } });
 * const answer = await gateway.request('GET', '/');
 */
export function testPlugin(
  // oxlint-disable-next-line typescript/no-explicit-any -- a definition of any schema; it is checked at load
  definition: PluginDefinition<any, any>,
  test: PluginTest = {},
): Promise<TestGateway> {
  const { name } = definition;
  const { sandbox } = test;
  const isBound = definition.bind !== undefined && !name.startsWith('auth-') && !isBackend(definition);
  const config = {
    groups: { test: { domains: ['*'] } },
    apis: {
      'test/api': {
        request: { method: 'ANY', path: '/', match: 'prefix' },
        auth: 'none',
        backend: { type: 'http', address: 'http://backend' },
        ...test.api,
      },
    },
    ...(isBound
      ? {
          plugins: { 'under-test': { type: test.type ?? name, config: test.config ?? {} } },
          bindings: [
            {
              plugin: 'under-test',
              apis: ['test/api'],
              ...(test.onError === undefined ? {} : { onError: test.onError }),
            },
          ],
        }
      : {}),
    ...(sandbox === undefined ? {} : { extensions: { [name]: extensionOf(sandbox) } }),
    ...test.root,
  };
  const { backend, clock } = test;
  return testGateway({
    config,
    plugins: sandbox === undefined ? [definition] : [],
    ...(backend === undefined ? {} : { backends: { '*': backend } }),
    ...(clock === undefined ? {} : { clock }),
  });
}

function extensionOf(sandbox: NonNullable<PluginTest['sandbox']>): object {
  const { source, ...limits } = sandbox instanceof URL ? { source: sandbox } : sandbox;
  const file = fileURLToPath(source);
  return {
    source: /^plugin\.(?:ts|js|mjs)$/.test(basename(file)) ? dirname(file) : file,
    sandbox: true,
    ...limits,
  };
}
