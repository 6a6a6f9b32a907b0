import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../../core/config/problems.ts';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { testGateway } from '#sdk/testing';
import { children, until } from './support.ts';

const head = "import { Options, Type, definePlugin, refuse, reply } from 'tapgate/sdk';\n";
const plugin = (body: string): string =>
  `${head}export default definePlugin({ name: 'mine', summary: 'A test.', ${body} });\n`;
const answering = (text: string): string =>
  plugin(`bind: () => ({ preAuth: () => reply(200, {}, '${text}') })`);

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), 'tapgate-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

/** The file is at line 2 of the configuration, the plugin's options at line 9. */
const configOf = (
  source: string,
  more: { extension?: string; config?: string; binding?: string } = {},
): string =>
  `extensions:
  mine: { source: "${source}", sandbox: true${more.extension ?? ''} }
groups: { test: { domains: ['*'] } }
apis:
  test/api:
    request: { method: ANY, path: /, match: prefix }
    auth: none
    backend: { type: mock, body: mock }
plugins: { bound: { type: mine, config: ${more.config ?? '{}'} } }
bindings: [{ plugin: bound, apis: [test/api]${more.binding ?? ''} }]
`;

const refusedSources: readonly (readonly [what: string, source: string, expected: RegExp])[] = [
  [
    'finish',
    plugin('bind: () => ({ finish: () => undefined })'),
    /gateway\.yaml:9:.*"finish" is synchronous and cannot run in a sandbox: use "response"/,
  ],
  [
    'setup',
    plugin('setup: () => ({})'),
    /gateway\.yaml:2:.*"setup" is not available in a sandbox: gateway-wide hooks run in process only/,
  ],
  [
    'a section',
    plugin("section: { name: 'x', schema: Options({}) }, bind: () => ({})"),
    /"section" is not available in a sandbox/,
  ],
  ['bindRest', plugin('bindRest: () => ({})'), /"bindRest" is not available in a sandbox/],
  ['dialects', plugin('dialects: {}, bind: () => ({})'), /"dialects" is not available in a sandbox/],
  [
    'counters',
    plugin('bind: (config, kit) => { kit.counters.take([]); return {}; }'),
    /gateway\.yaml:9:.*kit\.counters is not available in a sandbox/,
  ],
  [
    'a service',
    plugin("bind: (config, kit) => { kit.use({ name: 'apps' }); return {}; }"),
    /the service "apps" is not available/,
  ],
  [
    'a misspelt hook',
    plugin('bind: () => ({ preauth: () => undefined })'),
    /"preauth", which is no hook; .*did you mean "preAuth"/,
  ],
  ['a misspelt key', plugin('bnid: () => ({})'), /definePlugin does not know "bnid"; .*did you mean "bind"/],
  [
    'a wrong stage',
    plugin("bind: () => ({ auth: { stage: 'first', handle: () => undefined } })"),
    /"auth" must be \{stage, handle\}/,
  ],
  ['a promise', plugin('bind: async () => ({})'), /bind returned a promise/],
  ['nothing', plugin('bind: () => undefined'), /bind must return an object of hooks/],
  [
    'another name',
    answering('x').replace("'mine'", "'yours'"),
    /it is named "yours" but stands under "mine"/,
  ],
  [
    'no default',
    `${head}export const a = 1;`,
    /gateway\.yaml:2:.*does not provide an export named 'default'/,
  ],
  ['no plugin', `${head}export default 5;`, /its default export is no plugin/],
  ['a throw', `${head}throw new Error('at once');\nexport default {};`, /gateway\.yaml:2:.*at once/],
  ['no code', `${head}const = 1;`, /gateway\.yaml:2:.*plugin\.ts/],
  ['a loop', `${head}for (;;);\nexport default {};`, /gateway\.yaml:2:/],
  ['a loop in bind', plugin('bind: () => { for (;;); }'), /gateway\.yaml:9:.*it ran for more than/],
  [
    'a module of Node',
    `${head}import fs from 'node:fs';\n${answering('x').slice(head.length)}`,
    /plugin\.ts:2: "node:fs" cannot be imported in a sandbox; allowed: tapgate\/sdk/,
  ],
  [
    'a file above its folder',
    `${head}import '../../etc/passwd.js';\n${answering('x').slice(head.length)}`,
    /plugin\.ts:2: "\.\.\/\.\.\/etc\/passwd\.js" cannot be imported/,
  ],
  [
    'a link out of its folder',
    `${head}import './link.js';\n${answering('x').slice(head.length)}`,
    /plugin\.ts:2: "\.\/link\.js" cannot be imported/,
  ],
  [
    'a pattern that takes for ever',
    plugin("config: Options({ a: Type.String({ pattern: '^(a+)+$' }) }), bind: () => ({})"),
    /a pattern that may take too long/,
  ],
  [
    'a schema that refers to itself',
    plugin("config: { $ref: '#' }, bind: () => ({})"),
    /its schema has "\$ref"/,
  ],
  [
    'a schema that reaches for what all objects have',
    plugin(
      `config: JSON.parse('{"type":"object","properties":{"__proto__":{"type":"object","properties":{"polluted":{"type":"string","default":"x"}}}}}'), bind: () => ({})`,
    ),
    /its answer has a key "__proto__"/,
  ],
  [
    'a schema with a property that all objects have',
    plugin('config: Options({ constructor: Type.String() }), bind: () => ({})'),
    /a property "constructor"/,
  ],
  [
    'a summary that writes to the terminal',
    plugin('bind: () => ({})').replace('A test.', 'A\\u001b[2Jtest.'),
    /its answer\.summary/,
  ],
  [
    'a schema that is none',
    plugin("config: { type: 'strnig' }, bind: () => ({})"),
    /a schema of it cannot be used/,
  ],
  [
    'a builder that is not there',
    plugin('config: Type.Transform(1), bind: () => ({})'),
    /Type\.Transform is not available in a sandbox/,
  ],
  [
    'needs that are none',
    plugin("needs: { headers: ['A B'] }, bind: () => ({})"),
    /its answer\.needs\.headers/,
  ],
  ['needs with more', plugin('needs: { evrything: true }, bind: () => ({})'), /its answer\.needs/],
];

test('what a sandbox cannot have refuses the configuration, with the place and what to do', async (t) => {
  for (const [what, source, expected] of refusedSources) {
    const path = folder(t, { 'plugin.ts': source });
    symlinkSync('/etc/hostname', join(path, 'link.js'));
    const error: unknown = await testGateway({ config: configOf(path) }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ConfigError, `${what}: ${String(error)}`);
    assert.match(error.message, expected, what);
    assert.equal(error.problems.length, 1, error.message);
  }
  await until(() => children().length === 0);
});

test('fields of a sandbox without one, and options that are wrong, are problems of their lines', async (t) => {
  const path = folder(t, { 'plugin.ts': plugin('config: Options({ a: Type.Integer() }), bind: () => ({})') });
  const bare = configOf(path).replace(', sandbox: true', ', memoryMb: 20');
  await assert.rejects(testGateway({ config: bare.replace('config: {}', 'config: { a: 1 }') }), {
    message:
      /^gateway\.yaml:2:.*extensions\.mine\.memoryMb: only for an extension in a sandbox; add `sandbox: true`$/,
  });
  const open = bare.replace(', memoryMb: 20', '').replace('[test/api]', '[test/api], onError: open');
  await assert.rejects(testGateway({ config: open.replace('config: {}', 'config: { a: 1 }') }), {
    message:
      /^gateway\.yaml:10:.*bindings\[0\]\.onError: mine does not run in a sandbox; its faults always refuse the request$/,
  });
  await assert.rejects(testGateway({ config: configOf(path, { config: '{ a: x }' }) }), {
    message: /gateway\.yaml:9:.*plugins\.bound\.config\.a: found "x"; allowed:/,
  });
  await assert.rejects(
    testGateway({ config: configOf(path, { extension: ', memoryMb: 1', config: '{ a: 1 }' }) }),
    {
      message: /extensions\.mine\.memoryMb: found 1; allowed/,
    },
  );
});

test('a changed source gets a new process; what has not changed keeps its own, state and all', async (t) => {
  const counting = (word: string): string =>
    `${head}let calls = 0;\n${plugin(`bind: () => ({ preAuth: () => reply(200, {}, '${word} ' + (calls += 1)) })`).slice(head.length)}`;
  const path = folder(t, { 'plugin.ts': counting('old') });
  const config = configOf(path, { extension: ', concurrency: 1' });
  const gateway = await testGateway({ config });
  const ask = async (): Promise<string> => (await gateway.request('GET', '/')).text;
  assert.deepEqual([await ask(), await ask()], ['old 1', 'old 2']);
  const [first, ...others] = children();
  assert.deepEqual(others, []);
  await gateway.reload(config);
  assert.equal(await ask(), 'old 3');
  assert.deepEqual(children(), [first]);

  writeFileSync(join(path, 'plugin.ts'), 'this is no code');
  await assert.rejects(gateway.reload(config), ConfigError);
  assert.equal(await ask(), 'old 4', 'the one in force goes on');

  writeFileSync(join(path, 'plugin.ts'), counting('new'));
  await gateway.reload(config);
  assert.equal(await ask(), 'new 1');
  const [second] = await until(() => children().length === 1 && children());
  assert.notEqual(second, first);

  await gateway.reload(config.replace(/extensions:\n.*\n/, '').replace(/\nplugins:[^]*/, '\n'));
  await until(() => children().length === 0);
  await gateway.reload(config);
  assert.equal(await ask(), 'new 1');
  await gateway.close();
  await until(() => children().length === 0);
});

test('requests in flight finish on the plugin they began with', async (t) => {
  const slow = (word: string): string =>
    plugin(
      `bind: () => ({ preAuth: async () => { await new Promise((go) => setTimeout(go, 300)); return reply(200, {}, '${word}'); } })`,
    );
  const path = folder(t, { 'plugin.ts': slow('old') });
  const config = configOf(path, { extension: ', timeoutMs: 5000' });
  const gateway = await testGateway({ config });
  t.after(() => gateway.close());
  const pending = gateway.request('GET', '/');
  writeFileSync(join(path, 'plugin.ts'), slow('new'));
  await gateway.reload(config);
  assert.equal((await pending).text, 'old');
  assert.equal((await gateway.request('GET', '/')).text, 'new');
});

test('a package is loaded, too, and APIs that are bound to one entry share its processes', async (t) => {
  const path = folder(t, {});
  const modules = join(path, 'node_modules', 'mine');
  mkdirSync(modules, { recursive: true });
  writeFileSync(join(modules, 'package.json'), '{"name":"mine","type":"module","exports":"./main.js"}');
  writeFileSync(join(modules, 'text.js'), 'export const text = (kit) => `from ${kit.api.name}`;\n');
  writeFileSync(
    join(modules, 'main.js'),
    `${head}import { text } from './text.js';\n${plugin('bind: (config, kit) => ({ preAuth: () => reply(200, {}, text(kit)) })').slice(head.length)}`,
  );
  const api = (name: string) => ({
    request: { method: 'GET', path: `/${name}` },
    auth: 'none',
    backend: { type: 'mock' },
  });
  const config = {
    extensions: { mine: { source: 'mine', sandbox: true, concurrency: 1 } },
    groups: { test: { domains: ['*'] } },
    apis: Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`test/a${index}`, api(`a${index}`)])),
    plugins: { bound: { type: 'mine' } },
    bindings: [{ plugin: 'bound', apis: ['*'] }],
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log });
  const file = join(path, 'gateway.yaml');
  const { snapshot } = await gateway.build(readConfigText({ [file]: JSON.stringify(config) }, {}));
  assert.equal(children().length, 1);
  assert.equal(snapshot.endpoints.all.filter(({ preAuth }) => preAuth !== null).length, 300);
  snapshot.retire();
  await until(() => children().length === 0);
});
