import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { capabilities, toCapabilityConfig } from './capabilities.ts';

const provider = { issuer: 'http://127.0.0.1:9', token: 'token' };
const surroundings = { backendPort: 1, directory: '/tmp', ...provider };

test('names of capabilities are told apart', () => {
  const names = capabilities(surroundings).map(({ name }) => name);
  assert.ok(names.length > 20);
  assert.equal(new Set(names).size, names.length);
});

test('entries come together in one configuration, each with an API of its own', () => {
  const entries = new Map([
    [1, { name: 'a', root: { apps: { one: {} } }, plugin: ['cors', {}] as const }],
    [2, { name: 'b', root: { apps: { two: {} } }, request: { path: '/{p}' } }],
  ]);
  const config = JSON.parse(toCapabilityConfig(entries, 8080, 9090)) as Record<string, object>;
  assert.deepEqual(Object.keys(config['apis'] ?? {}), ['c1/api', 'c2/api']);
  assert.deepEqual(config['apps'], { one: {}, two: {} });
  assert.deepEqual(config['bindings'], [{ plugin: 'p1', apis: ['c1/api'] }]);
  assert.match(JSON.stringify(config['apis']), /"path":"\/\{p\}"/);
});

test('what holds for the whole gateway is not mixed with the rest', () => {
  const wide = capabilities(surroundings).filter(({ isGatewayWide }) => isGatewayWide === true);
  const sections = new Set(wide.flatMap(({ root = {} }) => Object.keys(root)));
  for (const { name, root = {}, isGatewayWide } of capabilities(surroundings)) {
    if (isGatewayWide === true) continue;
    for (const section of Object.keys(root)) assert.ok(!sections.has(section), `${name}: ${section}`);
  }
});

test('the gateway takes all of them', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tapgate-capabilities-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const entries = capabilities({ backendPort: 9, directory, ...provider });
  for (const { files = {} } of entries)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const config = join(directory, 'gateway.yaml');
  writeFileSync(config, toCapabilityConfig(new Map(entries.entries()), 8080, 9));
  const program = fileURLToPath(new URL('../../core/main.ts', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program, 'check', '--config', config], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});
