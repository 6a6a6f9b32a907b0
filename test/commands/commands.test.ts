import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { readConfigText } from '../../core/config/read.ts';
import { root } from '../architecture/sources.ts';
import { mock, newFolder, run } from './cli.ts';

const parse = (yaml: string): unknown => readConfigText({ 'a.yaml': yaml }, {}).root;

const good = `listeners: [{ port: 8080 }]
limits: { bodyBytes: 1048576 }
environments: { TEST: { description: For tests. } }
groups:
  shop: { domains: [shop.example.com, '*.shop.example.com'], internalDomains: [shop.local] }
apis:
  shop/order:
    request: { method: GET, path: '/orders/{id}', maxBodyBytes: 100 }
    environments: [RELEASE, TEST]
    auth: none
    backend: { type: http, address: http://orders:8080, path: '/v1/{id}' }
  shop/files:
    request: { method: ANY, path: /files/, match: prefix }
    auth: { type: none }
    backend: { type: mock, status: 503 }
accessLog: { headers: [user-agent] }
plugins:
  log: { type: access-log, config: { file: access.jsonl } }
bindings:
  - { plugin: log, apis: [shop/order], environments: [TEST] }
`;

test('check: a good configuration exits with 0 and says what it is', async () => {
  const folder = newFolder({ 'gateway.yaml': good });
  const { code, stdout, stderr } = await run(['check', '--config', 'gateway.yaml'], { cwd: folder });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.equal(stdout, 'the configuration is good: 2 APIs, 3 published\n');
});

test('check: a bad one exits with 1 and tells every problem, and how many', async () => {
  const bad = good.replace('auth: none', 'auth: nune').replace('domains:', 'domans:');
  const folder = newFolder({ 'gateway.yaml': bad });
  const { code, stdout, stderr } = await run(['check', '-c', 'gateway.yaml'], { cwd: folder });
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
  assert.match(
    stderr,
    /^gateway\.yaml:5:11 groups\.shop\.domans: unknown field; .*did you mean "domains"\?$/m,
  );
  assert.match(stderr, /^gateway\.yaml:10:11 apis\.shop\/order\.auth: no plugin is called "nune"/m);
  assert.match(stderr, /^\n2 problems in the configuration$/m);
  assert.doesNotMatch(stderr, / {4}at /, 'no stack');
});

test('check: a file that is not there, and an unset secret, exit with 1', async () => {
  const folder = newFolder({ 'gateway.yaml': mock('"${env:TAPGATE_UNSET}"') });
  const gone = await run(['check', '-c', join(folder, 'gone.yaml')]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /gone\.yaml:1:1: cannot be used: ENOENT[^]*1 problem in the configuration/);
  const unset = await run(['check', '-c', folder]);
  assert.equal(unset.code, 1);
  assert.match(unset.stderr, /the environment variable TAPGATE_UNSET is not set/);
  assert.equal((await run(['check', '-c', folder], { env: { TAPGATE_UNSET: 'x' } })).code, 0);
});

test('a wrong command line exits with 2, says what was found and points to --help', async () => {
  const wrong: [string[], RegExp][] = [
    [
      ['chek'],
      /there is no command "chek"; allowed: start, check, dev, plugin, explain, plugins, schema, test; did you mean "check"\?/,
    ],
    [['constructor'], /there is no command "constructor"/],
    [['check'], /--config PATH is missing/],
    [['start'], /--config PATH is missing/],
    [['check', '--confg', 'x'], /there is no option "--confg"; allowed: .*did you mean "--config"\?/],
    [['check', '-x'], /there is no option "-x"; allowed: --config, --dir, --header, --help$/m],
    [['dev'], /--config PATH is missing/],
    [['explain', '-c', 'x', 'GET', 'ftp://a/b'], /"ftp:\/\/a\/b" is neither http/],
    [['check', '--config'], /argument missing/],
    [['explain', '-c', 'x', 'GET'], /explain METHOD URL: one of them is missing/],
    [['explain', '-c', 'x', 'GET', '/path'], /"\/path" is no URL; allowed: http:\/\/host\/path\?query/],
    [['test'], /test FOLDER: the folder of a plugin is missing/],
    [['test', 'no-such-folder'], /there is no folder "no-such-folder"/],
  ];
  const runs = await Promise.all(
    wrong.map(async ([args, expected]) => ({ args, expected, ...(await run(args)) })),
  );
  for (const { args, expected, code, stdout, stderr } of runs) {
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
    assert.match(stderr, expected);
    assert.match(stderr, /tapgate --help says more\n$/);
    assert.doesNotMatch(stderr, / {4}at /, 'no stack');
  }
});

test('--help exits with 0 and names every command; nothing at all exits with 2', async () => {
  for (const args of [['--help'], ['-h'], ['check', '--help']]) {
    const { code, stdout } = await run(args);
    assert.equal(code, 0);
    for (const name of ['start', 'dev', 'plugin new', 'check', 'explain', 'plugins', 'schema', 'test'])
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  }
  assert.equal((await run([])).code, 2);
});

test('plugins: lists every plugin with what it takes, extensions included', async () => {
  const { code, stdout } = await run(['plugins']);
  assert.equal(code, 0);
  for (const name of readdirSync(join(root, 'plugins'))) assert.match(stdout, new RegExp(`^${name}: `, 'm'));
  assert.match(stdout, /^auth-none: .*\n {2}use {6}auth: none$/m);
  assert.match(stdout, /^ {2}option {3}effect: allow \| deny, required\./m);
  assert.match(stdout, /^ {2}option {3}timeoutMs: integer, default 5000\./m);
  assert.match(stdout, /^access-log: .*\n {2}use {6}type: access-log, section accessLog$/m);
  const folder = newFolder({
    'gateway.yaml': mock('x', 'extensions: { hello: { source: ./hello } }'),
    'hello/plugin.ts': hello,
    'hello/shout.ts': shout,
  });
  const more = await run(['plugins', '-c', folder]);
  assert.match(
    more.stdout,
    /^hello: Says hello\.\n {2}use {6}type: hello, API field hello\n {2}option {3}word: string, default "hello"/m,
  );
});

const hello = `
import { Options, Type, definePlugin, reply } from 'tapgate/sdk';
import { shout } from './shout.ts';

export default definePlugin({
  name: 'hello',
  summary: 'Says hello.',
  apiField: 'hello',
  config: Options({ word: Type.String({ default: 'hello' }) }),
  bind: ({ word }, { environment }) => ({
    preAuth: () => reply(200, {}, shout(word)),
    describe: ({ path, query, headers, identity }) => {
      if (query.get('fail') !== undefined) throw new Error('hunter2');
      return ['says ' + word + ' in ' + environment, [path, query.get('x'), headers.get('x-stage'), identity].join(' ')];
    },
  }),
});
`;
const shout = 'export const shout = (text: string): string => text.toUpperCase();\n';
const helloTest = `
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reply } from 'tapgate/sdk';
import { testPlugin } from 'tapgate/sdk/testing';
import plugin from './plugin.ts';

test('says hello', async () => {
  const gateway = await testPlugin(plugin, { config: { word: 'hi' } });
  assert.equal((await gateway.request('GET', '/')).text, 'EXPECTED');
  assert.equal(typeof Reply, 'function');
});
`;

test('test: runs the tests of a plugin that lies anywhere, with nothing installed beside it', async () => {
  const folder = newFolder({
    'hello/plugin.ts': hello,
    'hello/shout.ts': shout,
    'hello/plugin.test.ts': helloTest.replace('EXPECTED', 'HI'),
    'broken/plugin.ts': hello,
    'broken/shout.ts': shout,
    'broken/plugin.test.ts': helloTest.replace('EXPECTED', 'something else'),
    'untested/plugin.ts': hello,
  });
  const [passed, failed, none] = await Promise.all(
    ['hello', 'broken', 'untested'].map((name) => run(['test', join(folder, name)])),
  );
  assert.equal(passed?.code, 0, passed?.stdout ?? '');
  assert.match(passed?.stdout ?? '', /says hello/);
  assert.match(passed?.stdout ?? '', /pass 1\b/);
  assert.equal(failed?.code, 1);
  assert.match(failed?.stdout ?? '', /something else/);
  assert.equal(none?.code, 2);
  assert.match(none?.stderr ?? '', /there is no \*\.test\.ts/);
});

test('schema: is a valid JSON Schema that takes good configurations and refuses bad ones', async () => {
  const { code, stdout } = await run(['schema']);
  assert.equal(code, 0);
  const schema = JSON.parse(stdout) as Record<string, unknown>;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  assert.equal(ajv.validateSchema(schema), true, ajv.errorsText());
  const validate = ajv.compile(schema);
  const isGood = (yaml: string): boolean => validate(parse(yaml));
  assert.ok(isGood(good), ajv.errorsText(validate.errors));
  const bad: [string, string][] = [
    ['auth: none', 'auth: nune'],
    ['type: http,', 'type: htttp,'],
    ['address:', 'adress:'],
    ['path: /files/', 'path: files'],
    ['match: prefix', 'match: prefixx'],
    ['status: 503', 'status: 99'],
    ['port: 8080', 'port: 80800'],
    ['type: access-log', 'type: acces-log'],
    ['file: access', 'fle: access'],
    ['user-agent]', '7]'],
    ['bindings:', 'bindngs:'],
    ['plugin: log,', ''],
    ['    auth: none\n', ''],
  ];
  for (const [from, to] of bad) {
    assert.ok(good.includes(from), from);
    assert.ok(!isGood(good.replace(from, to)), `"${to}" in the place of "${from}" is taken`);
  }
});

test("schema: holds every plugin's options, sections and fields, extensions included", async () => {
  const folder = newFolder({
    'gateway.yaml': mock('x', 'extensions: { hello: { source: ./hello } }'),
    'hello/plugin.ts': hello,
    'hello/shout.ts': shout,
  });
  const { stdout } = await run(['schema', '-c', folder]);
  const { properties } = JSON.parse(stdout) as { properties: Record<string, Record<string, unknown>> };
  for (const name of readdirSync(join(root, 'plugins'))) {
    const { default: definition } = (await import(`${root}/plugins/${name}/plugin.ts`)) as {
      default: { config?: { properties: object }; section?: { name: string } };
    };
    for (const option of Object.keys(definition.config?.properties ?? {}))
      assert.match(stdout, new RegExp(`"${option}":`));
    if (definition.section !== undefined)
      assert.ok(properties[definition.section.name], definition.section.name);
  }
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(stdout) as object);
  const withField = (value: string): unknown =>
    parse(mock('x').replace('auth: none', `auth: none\n    hello: ${value}`));
  assert.ok(validate(withField('true')) && validate(withField('{ word: hi }')) && validate(withField('{}')));
  assert.ok(!validate(withField('{ wrod: hi }')) && !validate(withField('7')));
});

test('explain: says which API a request reaches, and what each hook runs, with the line that bound it', async () => {
  const folder = newFolder({
    'gateway.yaml': `${good}  - { plugin: hi, apis: ['*'] }\napigHeaders: {}\n`.replace(
      'plugins:',
      'extensions: { hello: { source: ./hello } }\nplugins:\n  hi: { type: hello }',
    ),
    'hello/plugin.ts': hello,
    'hello/shout.ts': shout,
  });
  const explain = (...args: string[]) => run(['explain', '-c', 'gateway.yaml', ...args], { cwd: folder });
  const { code, stdout } = await explain(
    'get',
    'https://shop.example.com/orders/7%2f8?x=1',
    '-H',
    'X-Stage: TEST',
  );
  assert.equal(code, 0);
  assert.match(stdout, /^API {10}shop\/order$/m);
  assert.match(stdout, /^environment {2}TEST$/m);
  assert.match(stdout, /^path value {3}id = 7%2f8$/m);
  assert.match(stdout, /^preAuth\n {2}hello \(hi\) gateway\.yaml:23:5$/m);
  assert.match(stdout, /^auth\n {2}throttling \(throttling by default\)$/m);
  assert.match(stdout, /^finish\n {2}apig-headers \(apig-headers by default\) gateway\.yaml:24:14$/m);
  assert.match(stdout, /^completed\n {2}access-log \(log\) gateway\.yaml:22:5$/m);
  assert.match(stdout, /^routing\n {2}router \(router\)$/m);
  for (const hook of ['backendRouting', 'backendSigning'])
    assert.match(stdout, new RegExp(`^${hook}\\n {2}nothing$`, 'm'));
  assert.match(stdout, /^response\n/m);
  assert.match(stdout, /^backend\n {2}http$/m);
  assert.match(
    stdout,
    /^details\n(?: {2}throttling .*\n {4}.*\n)? {2}hello \(hi\) gateway\.yaml:23:5\n {4}says hello in TEST\n {4}\/orders\/7%2f8 1 TEST $/m,
  );
  const failing = await explain('GET', 'http://shop.example.com/files/a?fail=1');
  assert.equal(failing.code, 0);
  assert.match(failing.stdout, /^ {4}\(the plugin failed to describe this\)$/m);
  assert.doesNotMatch(failing.stdout + failing.stderr, /hunter2/);

  const rest = await explain('POST', 'http://a.shop.example.com:8080/files/a/b');
  assert.match(rest.stdout, /^API {10}shop\/files\n[^]*^path rest {4}a\/b$/m);
  const host = await explain('GET', 'http://127.0.0.1:8080/files/a', '-H', 'Host: shop.example.com:8080');
  assert.match(host.stdout, /^API {10}shop\/files$/m);

  const [lost, dots] = [
    await explain('GET', 'http://shop.example.com/none'),
    await explain('GET', 'http://shop.example.com/files/a/../b'),
  ];
  assert.deepEqual([lost.code, dots.code], [1, 1]);
  assert.match(lost.stdout, /^no API: 404 APIG\.0101$/m);
  assert.match(lost.stdout, /host shop\.example\.com, environment RELEASE/);
  assert.match(dots.stdout, /^refused by routing: 400 The path must not contain/);
  assert.equal((await explain('GET', 'http://shop.example.com/', '-H', 'no field')).code, 2);
});

test('explain: a miss says which of host, environment, method and path it was, and what there is', async () => {
  const yaml = good.replace('environments: [RELEASE, TEST]', 'environments: [TEST]');
  const folder = newFolder({ 'gateway.yaml': yaml });
  const cases: [string[], RegExp][] = [
    [
      ['GET', 'http://shop.exmple.com/a'],
      /no group has this host; allowed: .*did you mean "shop\.example\.com"\?/,
    ],
    [
      ['GET', 'http://shop.example.com/a', '-H', 'X-Stage: TSET'],
      /the group "shop" has this host\n {2}no API of this group is published in TSET; allowed: TEST, RELEASE; did you mean "TEST"\?/,
    ],
    [
      ['PUT', 'http://shop.example.com/orders/7', '-H', 'X-Stage: TEST'],
      /no API has this path with the method PUT; allowed: GET\n$/,
    ],
    [
      ['GET', 'http://shop.example.com/ordres/1234567890', '-H', 'X-Stage: TEST'],
      /no API has this path; allowed: \/orders\/\{id\}; did you mean "\/orders\/\{id\}"\?/,
    ],
    [
      ['GET', 'http://shop.example.com/orders/7'],
      /no API has this path; allowed: \/files\/\n {2}it is published in TEST: X-Stage: TEST\n$/,
    ],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout } = await run(['explain', '-c', folder, ...args]);
    assert.equal(code, 1);
    assert.match(stdout, /^no API: 404 APIG\.0101\n {2}host \S+, environment \w+\n/);
    assert.match(stdout, expected);
  }
});

test('explain: the port of https is 443, and an IPv6 address is a host', async () => {
  const folder = newFolder({
    'gateway.yaml': `groups: { g: { domains: ['*'] } }
extensions: { says: { source: ./says } }
apis: { g/a: { request: { method: GET, path: / }, auth: none, backend: { type: mock }, says: true } }
`,
    'says/plugin.ts': `import { definePlugin } from 'tapgate/sdk';
export default definePlugin({
  name: 'says',
  summary: 'Says where a request came in.',
  apiField: 'says',
  bind: () => ({ describe: ({ host, port, scheme }) => [scheme + ' ' + host + ' ' + port] }),
});
`,
  });
  const cases: [string[], string][] = [
    [['https://[::1]/'], 'https [::1] 443'],
    [['http://[::1]/'], 'http [::1] 80'],
    [['https://[::1]:8443/'], 'https [::1] 8443'],
    [['http://127.0.0.1/', '-H', 'Host: [::1]:8080'], 'http [::1] 80'],
  ];
  for (const [args, expected] of cases) {
    const { stdout } = await run(['explain', '-c', folder, 'GET', ...args]);
    assert.ok(stdout.includes(`    ${expected}\n`), stdout);
  }
  assert.equal((await run(['explain', '-c', folder, 'GET', 'http://a/', '-H', 'Host: a b'])).code, 2);
});

test('check: ten thousand equal mistakes are told in a few lines, and a single other one beside them', async () => {
  const apis = Array.from(
    { length: 10_000 },
    (_, index) =>
      `  g/a${index}: { request: { method: GET, path: /${index} }, auth: none, backend: { type: mocked } }`,
  );
  const yaml = `groups: { g: { domanis: ['*'] } }\napis:\n${apis.join('\n')}\n`;
  const { code, stderr } = await run(['check', '-c', newFolder({ 'gateway.yaml': yaml })]);
  assert.equal(code, 1);
  assert.ok(stderr.split('\n').length < 20, stderr.slice(0, 4000));
  assert.match(stderr, /did you mean "domains"\?/);
  assert.match(stderr, /no plugin is called "mocked"/);
  assert.match(stderr, /^ {2}and 9990 more like this$/m);
  assert.match(stderr, /^10001 problems in the configuration$/m);
});

test('a reader that has seen enough is no failure', async () => {
  const child = spawn('sh', ['-c', `"${process.execPath}" core/main.ts plugins | head -n 1`], { cwd: root });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.resume();
  await once(child, 'close');
  assert.equal(errors, '');
});
