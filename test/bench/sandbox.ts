// What a binding costs in a sandbox and in process: `node test/bench/sandbox.ts`.
import { type Hooks, Options, Type, definePlugin, reply } from '#sdk';
import { testPlugin } from '#sdk/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const bind = (): Hooks => ({
  preAuth(exchange) {
    exchange.headers.set('x-bench', exchange.headers.get('x-caller') ?? 'nobody');
    return undefined;
  },
});
const plugin = definePlugin({
  name: 'bench',
  summary: 'Sets a field.',
  needs: { headers: ['x-caller'] },
  config: Options({ word: Type.String({ default: 'x' }) }),
  bind,
});
const folder = mkdtempSync(join(tmpdir(), 'tapgate-bench-'));
writeFileSync(
  join(folder, 'plugin.js'),
  `import { Options, Type, definePlugin } from 'tapgate/sdk';
  export default definePlugin({ name: 'bench', summary: 'Sets a field.', needs: { headers: ['x-caller'] },
    config: Options({ word: Type.String({ default: 'x' }) }), bind: ${bind.toString()} });`,
);
const calls = 3000;
const common = { backend: () => reply(200, {}, 'ok'), root: { throttling: { defaultPerSecond: 0 } } };
const source = pathToFileURL(join(folder, 'plugin.js'));
const idle = definePlugin({ name: 'bench', summary: 'Does nothing.', bind: () => ({}) });
const gateways = {
  'no handler': await testPlugin(idle, common),
  'in process': await testPlugin(plugin, common),
  'in a sandbox': await testPlugin(plugin, { ...common, sandbox: source }),
};

async function round(gateway: (typeof gateways)['in process']): Promise<number> {
  const before = performance.now();
  for (let turn = 0; turn < calls; turn += 1)
    await gateway.request('GET', '/', { headers: { 'x-caller': 'a' } });
  return ((performance.now() - before) * 1000) / calls;
}

for (const gateway of Object.values(gateways)) await round(gateway);
for (let turn = 0; turn < 5; turn += 1) {
  const figures: string[] = [];
  for (const [name, gateway] of Object.entries(gateways))
    figures.push(`${name} ${(await round(gateway)).toFixed(1)} us`);
  console.log(figures.join(', '));
}
console.log(gateways['in a sandbox'].describe('GET', '/').join('\n'));
for (const gateway of Object.values(gateways)) await gateway.close();
rmSync(folder, { recursive: true });
