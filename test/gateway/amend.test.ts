import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as contentOf } from 'node:stream/consumers';
import { type TestContext, after, test } from 'node:test';
import {
  type Amendment,
  type Log,
  Params,
  type PluginDefinition,
  definePlugin,
  defineService,
  offer,
} from '#sdk';
import { readKeeping } from '../../core/config/copies.ts';
import { Known } from '../../core/config/known.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { Gateway } from '../../core/gateway.ts';
import { silentLog } from '../../core/commands/log.ts';
import { generator } from './support/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-amend-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** A gateway whose configuration is written anew, as by an editor. */
class Changing {
  readonly gateway: Gateway;
  readonly #file = join(folder, `${(count += 1)}.yaml`);
  readonly #known = new Known();

  constructor(t: TestContext, plugins: readonly PluginDefinition[] = [], log: Log = silentLog) {
    this.gateway = new Gateway({ log, plugins });
    t.after(() => this.gateway.close());
  }

  async write(text: string): Promise<void> {
    writeFileSync(this.#file, text);
    const read = await readKeeping(this.#file, {}, this.#known);
    try {
      await this.gateway.apply(read, { listen: true });
    } finally {
      read.release();
    }
  }

  /** Reads what is there, as when something else in the folder has changed. */
  async read(): Promise<void> {
    (await readKeeping(this.#file, {}, this.#known)).release();
  }

  /** The problems of a text that is refused. */
  async refused(text: string): Promise<string> {
    const error = await this.write(text).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }

  async get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<string> {
    const [listener] = this.gateway.listeners;
    const sent = request({ host: '127.0.0.1', port: listener?.port, path, headers, method }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return `${answer.statusCode} ${[answer.headers['x-counted'] ?? '-'].flat().join()} ${await contentOf(answer)}`;
  }
}

let bound: string[] = [];
let disposed: string[] = [];

/** Tells what is bound and disposed. */
const counting = definePlugin({
  name: 'counting',
  summary: 'Tells what is bound and disposed.',
  bind(_config, { api }) {
    bound.push(api.name);
    return {
      response(inbound) {
        inbound.headers.set('x-counted', 'yes');
        return undefined;
      },
      dispose: () => void disposed.push(api.name),
    };
  },
});

const head = `listeners: [{ port: 0, host: 127.0.0.1 }]
groups: { g: { domains: ['*'] }, h: { domains: [h.example.com] } }
plugins: { count: { type: counting } }
bindings: [{ plugin: count, apis: ['*'] }]
`;

function mock(name: string, path: string, body: string, more = ''): string {
  return `  ${name}:\n    request: { method: GET, path: "${path}" }\n    auth: none\n    backend: { type: mock, body: "${body}" }\n${more}`;
}

/** Bindings to nothing are a mistake. */
const nothing = `apis: {}\n${head.replace(/bindings: .*\n/, '')}`;

const config = (...apis: string[]): string => `${head}apis:\n${apis.join('')}`;

function forget(): void {
  bound = [];
  disposed = [];
}

test('only what has changed is bound anew, and what is gone is disposed', async (t) => {
  const changing = new Changing(t, [counting]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(a, b));
  forget();
  await changing.write(config(a, mock('g/b', '/b', '2')));
  assert.deepEqual([bound, disposed], [['g/b'], ['g/b']]);
  assert.equal(await changing.get('/a'), '200 yes 1');
  assert.equal(await changing.get('/b'), '200 yes 2');
  await changing.write(config(a, mock('g/c', '/c/{p}', '3')));
  assert.deepEqual(bound, ['g/b', 'g/c']);
  assert.deepEqual(disposed, ['g/b', 'g/b']);
  assert.match(await changing.get('/b'), /^404/);
  assert.equal(await changing.get('/c/x'), '200 yes 3');
  await changing.write(`# a comment moves all lines\n${config(a, mock('g/c', '/c/{p}', '3'))}`);
  assert.deepEqual(bound, ['g/b', 'g/c']);
  await changing.write(nothing);
  assert.match(await changing.get('/a'), /^404/);
  await changing.write(config(a));
  assert.equal(await changing.get('/a'), '200 yes 1');
  forget();
  await changing.gateway.close();
  assert.deepEqual(disposed, ['g/a']);
});

test('all is bound anew when something else has changed, or too much has', async (t) => {
  const changing = new Changing(t, [counting]);
  const apis = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(...apis));
  for (const more of [
    'limits: { bodyBytes: 1000 }\n',
    'throttling: { defaultPerSecond: 5 }\n',
    'environments: { TEST: {} }\n',
  ]) {
    forget();
    await changing.write(config(...apis) + more);
    assert.deepEqual(bound, ['g/a', 'g/b'], more);
    assert.deepEqual(disposed, ['g/a', 'g/b'], more);
  }
  forget();
  await changing.write(config(...apis).replace("apis: ['*']", "apis: ['g/*']"));
  assert.deepEqual(bound, ['g/a', 'g/b']);
});

test('a change that is refused changes nothing, and what was bound for it is disposed', async (t) => {
  const changing = new Changing(t, [counting]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(a, b));
  const wrong: [text: string, problem: RegExp][] = [
    [config(a, mock('g/b', '/a', '2')), /yaml:11:\d+ apis\.g\/b\.request\.path: g\/a has the same method/],
    [
      config(a, mock('g/b', '/{x}', '2'), mock('g/c', '/{y}', '2')),
      /apis\.g\/c\.request\.path: .* same method/,
    ],
    [config(a, mock('g/b', 'b', '2')), /request\.path: /],
    [config(a, mock('g/b', '/{b', '2')), /whole segment/],
    [config(a, mock('x/b', '/b', '2')), /there is no group "x"/],
    [config(a, mock('g/b', '/b', '2', '    nonsense: 1\n')), /unknown field/],
    [config(a, mock('g/b', '/b', '2', '    environments: [TEST]\n')), /no environment "TEST"/],
    [config(a, mock('g/b', '/b', '2').replace('mock', 'none')), /no plugin is called "none"/],
    [config(a, '  g/b: *missing\n'), /not defined above/],
  ];
  for (const [text, problem] of wrong) {
    forget();
    assert.match(await changing.refused(text), problem);
    assert.deepEqual(disposed.toSorted(), bound.toSorted(), text);
    assert.equal(await changing.get('/a'), '200 yes 1');
    assert.equal(await changing.get('/b'), '200 yes 1');
    await changing.write(config(a, b));
  }
});

test('an API that takes the path of one that goes, or swaps with it, is found', async (t) => {
  const changing = new Changing(t, [counting]);
  await changing.write(config(mock('g/a', '/a', 'a'), mock('g/b', '/b/{x}', 'b')));
  await changing.write(config(mock('g/a', '/b/{y}', 'a'), mock('g/b', '/a', 'b')));
  assert.equal(await changing.get('/a'), '200 yes b');
  assert.equal(await changing.get('/b/1'), '200 yes a');
  await changing.write(config(mock('h/c', '/a', 'c'), mock('g/b', '/a', 'b')));
  assert.match(await changing.get('/b/1'), /^404/);
  assert.equal(await changing.get('/a'), '200 yes b');
});

/** A backend that answers when it is told to. */
async function holding(t: TestContext) {
  const arrived = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const backend = createServer((_request, response) => {
    arrived.resolve();
    void released.promise.then(() => response.end('old'));
  }).listen(0, '127.0.0.1');
  t.after(() => backend.close());
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  return { port, arrived: arrived.promise, release: released.resolve };
}

test('a request that is under way ends on the API it began with, which is disposed then', async (t) => {
  const { port, arrived, release } = await holding(t);
  const changing = new Changing(t, [counting]);
  const slow = `  g/a:\n    request: { method: GET, path: /a }\n    auth: none\n    backend: { type: http, address: "127.0.0.1:${port}" }\n`;
  await changing.write(config(slow, mock('g/b', '/b', '1')));
  forget();
  const answer = changing.get('/a');
  await arrived;
  await changing.write(config(mock('g/a', '/a', 'new'), mock('g/b', '/b', '1')));
  await changing.write(config(mock('g/a', '/a', 'newer'), mock('g/b', '/b', '1')));
  assert.equal(await changing.get('/a'), '200 yes newer');
  assert.deepEqual(disposed, []);
  release();
  assert.equal(await answer, '200 yes old');
  while (disposed.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(disposed, ['g/a', 'g/a']);
});

const Registry = defineService<{ readonly names: string[] }>('registry');

/** Keeps what is bound in a service of its own. */
function registry(amend?: (change: Amendment) => (() => void) | false | undefined) {
  const told = { setups: 0 };
  const plugin = definePlugin({
    name: 'registry',
    summary: 'Keeps what is bound.',
    apiField: 'registered',
    offers: [Registry],
    setup() {
      told.setups += 1;
      return { services: [offer(Registry, { names: [] })], ...(amend && { amend }) };
    },
    bind(_config, kit) {
      kit.use(Registry).names.push(kit.api.name);
      return {};
    },
  });
  return { plugin, told };
}

test('a plugin whose service is used by what is bound must say that it can take that in', async (t) => {
  const { plugin, told } = registry();
  const changing = new Changing(t, [counting, plugin]);
  const registered = (body: string): string => mock('g/r', '/r', body, '    registered: true\n');
  await changing.write(config(mock('g/a', '/a', '1'), registered('1')));
  forget();
  await changing.write(config(mock('g/a', '/a', '2'), registered('1')));
  assert.deepEqual([bound, told.setups], [['g/a'], 1]);
  await changing.write(config(mock('g/a', '/a', '2'), registered('2')));
  assert.equal(told.setups, 2);
  assert.equal(await changing.get('/r'), '200 yes 2');
  assert.deepEqual(disposed.toSorted(), ['g/a', 'g/a', 'g/r', 'g/r'].slice(0, disposed.length));
});

test('a plugin cannot pass over that another one is not able to take in what it does', async (t) => {
  const { plugin, told } = registry();
  const careless = definePlugin({
    name: 'careless',
    summary: 'Takes no notice.',
    apiField: 'careless',
    bind(_config, kit) {
      try {
        kit.use(Registry).names.push(kit.api.name);
      } catch {
        return {};
      }
      return {};
    },
  });
  const changing = new Changing(t, [counting, plugin, careless]);
  await changing.write(config(mock('g/a', '/a', '1')));
  await changing.write(config(mock('g/a', '/a', '1', '    careless: true\n')));
  assert.equal(told.setups, 2);
});

test('a plugin is asked once for a change, and told when it comes into force', async (t) => {
  const calls: string[] = [];
  const { plugin, told } = registry(({ added, removed, published }) => {
    const names = (all: Amendment['added']): string => all.map(({ api }) => api.name).join();
    calls.push(`+${names(added)} -${names(removed)} =${names(published)}`);
    return () => calls.push('in force');
  });
  const changing = new Changing(t, [counting, plugin]);
  const [a, r] = [mock('g/a', '/a', '1'), mock('g/r', '/r', '1', '    registered: true\n')];
  await changing.write(config(a));
  await changing.write(config(a, r));
  assert.deepEqual(calls, ['+g/r - =g/a,g/r', 'in force']);
  // Whether something is wrong is known only when all is bound.
  await changing.refused(config(a, r.replace('/r', '/a')));
  assert.equal(calls.includes('in force', 2), false);
  assert.equal(told.setups, 2);
  const again = registry(() => false);
  const other = new Changing(t, [counting, again.plugin]);
  await other.write(config(a));
  await other.write(config(a, r));
  assert.equal(again.told.setups, 2);
});

test('a plugin that has read which APIs there are is set up anew, unless it can take in the change', async (t) => {
  const seen: string[][] = [];
  const reader = (amend?: () => undefined) =>
    definePlugin({
      name: 'reader',
      summary: 'Reads which APIs there are.',
      setup(_section, kit) {
        const names = (): string[] => kit.published.map(({ api }) => api.name);
        seen.push(names());
        return { ...(amend && { amend }), status: names };
      },
    });
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  const without = new Changing(t, [counting, reader()]);
  await without.write(config(a));
  await without.write(config(a, b));
  assert.deepEqual(seen.splice(0), [['g/a'], ['g/a', 'g/b']]);
  const able = new Changing(t, [counting, reader(() => undefined)]);
  await able.write(config(a));
  await able.write(config(a, b));
  assert.deepEqual(seen, [['g/a']]);
  assert.deepEqual(able.gateway.status().plugins['reader'], ['g/a', 'g/b']);
});

test('a plugin that fails to amend costs a change nothing but time', async (t) => {
  const errors: unknown[] = [];
  const log = { ...silentLog, error: (fields: object) => void errors.push(fields) };
  const answers: ((change: Amendment) => () => void)[] = [
    () => {
      throw new Error('not able');
    },
    () => () => {
      throw new Error('not at all');
    },
  ];
  const { plugin, told } = registry((change) => (answers.shift() ?? (() => () => undefined))(change));
  const changing = new Changing(t, [counting, plugin], log);
  const registered = (body: string): string => mock('g/r', '/r', body, '    registered: true\n');
  await changing.write(config(registered('1')));
  await changing.write(config(registered('2')));
  assert.equal(await changing.get('/r'), '200 yes 2');
  assert.equal(told.setups, 2);
  await changing.write(config(registered('3')));
  assert.equal(await changing.get('/r'), '200 yes 3');
  await changing.write(config(registered('4')));
  assert.equal(await changing.get('/r'), '200 yes 4');
  assert.equal(told.setups, 2);
  assert.deepEqual(
    errors.map((each) => /not (?:able|at all)/.exec(JSON.stringify(each))?.[0]),
    ['not able', 'not at all'],
  );
});

test('the hosts of a group that has no API left are those of the group that has all', async (t) => {
  const changing = new Changing(t, [counting]);
  await changing.write(config(mock('g/a', '/a', 'g'), mock('h/a', '/a', 'h')));
  assert.equal(await changing.get('/a', { host: 'h.example.com' }), '200 yes h');
  await changing.write(config(mock('g/a', '/a', 'g')));
  assert.equal(await changing.get('/a', { host: 'h.example.com' }), '200 yes g');
});

test('an API that is the first to sign people in concerns the others of its domain', async (t) => {
  const changing = new Changing(t, [counting]);
  const base = `environments: { TEST: {} }\n${head}`
    .replace('plugins: {', `plugins: { sign: ${signIn},`)
    .replace('bindings: [', 'bindings: [{ plugin: sign, apis: [g/a], environments: [TEST] }, ');
  const text = (body: string, a: string): string =>
    `${base}apis:\n${mock('g/a', '/a', body, a)}${mock('g/b', '/b', '1', '    environments: [TEST]\n')}`;
  await changing.write(text('1', ''));
  forget();
  await changing.write(text('2', ''));
  assert.deepEqual(bound, ['g/a']);
  forget();
  await changing.write(text('2', '    environments: [RELEASE, TEST]\n'));
  assert.equal(bound.at(-1), 'g/b');
});

const signIn = `{ type: oidc, config:
  { discovery: "https://id.test", clientId: c, clientSecret: a-secret-of-c, callbackPath: /back } }`;

test('requests under way are counted for the API that they are for', async (t) => {
  const { port, arrived, release } = await holding(t);
  const changing = new Changing(t, [counting]);
  const slow = `  g/a:\n    request: { method: GET, path: /a }\n    auth: none\n    backend: { type: http, address: "127.0.0.1:${port}" }\n`;
  const measured = (...apis: string[]): string => `${config(...apis)}metrics: {}\nmanagement: { port: 0 }\n`;
  await changing.write(measured(slow, mock('g/b', '/b', '1')));
  const answer = changing.get('/a');
  await arrived;
  // Another API of that name: the one that is gone is told with it.
  await changing.write(measured(mock('g/a', '/a', '2'), mock('g/b', '/b', '1')));
  assert.equal(await changing.get('/a'), '200 yes 2');
  release();
  await answer;
  const asked = { method: 'GET' as const, query: Params.empty, body: '' };
  const { body } = await changing.gateway.manage('/metrics', asked);
  assert.match(body, /tapgate_requests_total\{.*api="g\/a".*\} 2\n/);
});

test('defaults are those of the extension that there is now', async (t) => {
  const stamp = (text: string): string => `import { Options, Type, definePlugin } from 'tapgate/sdk';
export default definePlugin({
  name: 'stamp',
  summary: 'Says who answers.',
  apiField: 'stamp',
  config: Options({ text: Type.String({ default: '${text}' }) }),
  bind: ({ text }) => ({
    finish: ({ headers }) => headers.set('x-counted', text),
  }),
});
`;
  for (const name of ['one', 'other']) mkdirSync(join(folder, name, 'stamp'), { recursive: true });
  const first = join(folder, 'one', 'stamp');
  const other = join(folder, 'other', 'stamp');
  writeFileSync(join(first, 'plugin.ts'), stamp('first'));
  writeFileSync(join(other, 'plugin.ts'), stamp('other'));
  const changing = new Changing(t, [counting]);
  const stamped = (source: string, ...more: string[]): string =>
    `extensions: { stamp: { source: ${source} } }\n${config(mock('g/a', '/a', '1', '    stamp: {}\n'), ...more)}`;
  await changing.write(stamped(first));
  assert.equal(await changing.get('/a'), '200 first 1');
  await changing.write(stamped(other));
  assert.equal(await changing.get('/a'), '200 other 1');
  // Read, and not built: as when a file is written without a change.
  await changing.read();
  writeFileSync(join(other, 'plugin.ts'), stamp('another'));
  await changing.write(stamped(other));
  assert.equal(await changing.get('/a'), '200 another 1');
  forget();
  await changing.write(stamped(other, mock('g/b', '/b', '1')));
  assert.deepEqual(bound, ['g/b']);
});

test('a change after a reading of which nothing was built is no more than that', async (t) => {
  const changing = new Changing(t, [counting]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(a, b));
  await changing.read();
  forget();
  await changing.write(config(a, mock('g/b', '/b', '2')));
  assert.deepEqual(bound, ['g/b']);
});

test('a file that only an API asked for counts no more when that is gone', async (t) => {
  const secret = join(folder, 'secret');
  writeFileSync(secret, 'hidden');
  const changing = new Changing(t, [counting]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', `\${file:${secret}}`)];
  await changing.write(config(a, b));
  assert.equal(changing.gateway.hashes.has(secret), true);
  forget();
  await changing.write(config(a));
  assert.deepEqual(bound, []);
  assert.match(await changing.get('/b'), /^404/);
  assert.equal(changing.gateway.hashes.has(secret), false);
});

test('a cache of an API that is gone is told no more', async (t) => {
  const changing = new Changing(t);
  const cached = head.replace('counting', 'caching');
  const text = (...apis: string[]): string => `${cached}apis:\n${apis.join('')}`;
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  const told = (): string[] => {
    const { apis } = changing.gateway.status().plugins['caching'] as { apis: object };
    return Object.keys(apis).map((name) => name.slice(0, 3));
  };
  await changing.write(text(a, b));
  assert.deepEqual(told().toSorted(), ['g/a', 'g/b']);
  await changing.write(text(a));
  assert.deepEqual(told(), ['g/a']);
});

test('a gateway that is closed while a change is on its way disposes of all once', async (t) => {
  let ended = 0;
  const ending = definePlugin({
    name: 'ending',
    summary: 'Counts how often it ends.',
    setup: () => ({ dispose: () => void (ended += 1) }),
  });
  const changing = new Changing(t, [counting, ending]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(a));
  forget();
  const change = changing.write(config(a, b));
  const closing = changing.gateway.close();
  await Promise.allSettled([change, closing]);
  assert.equal(ended, 1);
  assert.deepEqual(disposed.toSorted(), ['g/a', ...bound].toSorted());
});

test('what apps may call is checked against what is published', async (t) => {
  const changing = new Changing(t, [counting]);
  const apps = 'apps: { one: { key: key-of-one-0001, secret: "secret-of-one-0001", apis: [g/a] } }\n';
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  await changing.write(config(a, b) + apps);
  forget();
  await changing.write(config(mock('g/a', '/a', '2'), b) + apps);
  assert.deepEqual(bound, ['g/a']);
  assert.match(await changing.refused(config(b) + apps), /apps\.one\.apis\[0\]: there is no API "g\/a"/);
  assert.equal(await changing.get('/a'), '200 yes 2');
});

test('a binding that names an API that goes is told', async (t) => {
  const changing = new Changing(t, [counting]);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  const named = (...apis: string[]): string => config(...apis).replace("apis: ['*']", 'apis: [g/a]');
  await changing.write(named(a, b));
  assert.match(await changing.refused(named(b)), /bindings\[0\]\.apis\[0\]: there is no API "g\/a"/);
  assert.equal(await changing.get('/a'), '200 yes 1');
});

test('the lines of what has not changed are those of the text in force', async (t) => {
  const errors: unknown[] = [];
  const failing = definePlugin({
    name: 'failing',
    summary: 'Fails.',
    bind: () => ({
      preAuth() {
        throw new Error('always');
      },
    }),
  });
  const log = {
    ...silentLog,
    error: (fields: object) => void errors.push(fields),
  };
  const changing = new Changing(t, [failing], log);
  const [a, b] = [mock('g/a', '/a', '1'), mock('g/b', '/b', '1')];
  const base = config(a, b).replace('counting', 'failing');
  const lineOf = async (path: string): Promise<number> => {
    assert.match(await changing.get(path), /^500/);
    const [{ at }] = errors.splice(0) as [{ at?: string }];
    return Number(/:(\d+):\d+$/.exec(at ?? '')?.[1]);
  };
  await changing.write(base);
  assert.equal(await lineOf('/a'), 4);
  await changing.write(base.replace('plugins:', '# one\n# two\nplugins:'));
  assert.deepEqual([await lineOf('/a'), await lineOf('/b')], [6, 6]);
  await changing.write(`# more\n${base.replace('"1"', '"2"')}`);
  assert.deepEqual([await lineOf('/a'), await lineOf('/b')], [5, 5]);
});

test('the lines of an API that has grown are its own, and those of the last one in a file that ends without a line', async (t) => {
  const errors: unknown[] = [];
  const failing = definePlugin({
    name: 'failing',
    summary: 'Fails.',
    apiField: 'failing',
    bind: () => ({
      preAuth() {
        throw new Error('always');
      },
    }),
  });
  const log = { ...silentLog, error: (fields: object) => void errors.push(fields) };
  const changing = new Changing(t, [failing, counting], log);
  const named = (name: string, more = ''): string =>
    mock(`g/${name}`, `/${name}`, '1', `${more}    failing: true\n`);
  const linesOf = async (text: string, ...names: string[]): Promise<void> => {
    await changing.write(text);
    for (const name of names) {
      assert.match(await changing.get(`/${name}`), /^500/);
      const [{ at }] = errors.splice(0) as [{ at?: string }];
      const line = text.slice(0, text.indexOf('failing:', text.indexOf(`g/${name}:`))).split('\n').length;
      assert.match(at ?? '', new RegExp(`:${line}:\\d+$`), `${name}: ${text}`);
    }
  };
  const [a, b, c] = ['a', 'b', 'c'].map((name) => named(name)) as [string, string, string];
  await linesOf(config(a, c), 'a', 'c');
  await linesOf(config(a, b, named('d'), named('e'), c), 'a', 'b', 'd', 'e', 'c');
  await linesOf(config(a, b, c), 'a', 'b', 'c');
  const last = `  g/z: { request: { method: GET, path: /z }, auth: none, backend: { type: mock }, failing: true }`;
  await linesOf(config(a, last), 'a', 'z');
  await linesOf(`${config(a, last)}\n# note\n`, 'a', 'z');
  await linesOf(config(a, last), 'a', 'z');
});

test('what the rest of the configuration left to defaults stays as it was', async (t) => {
  const changing = new Changing(t, [counting]);
  const { gateway } = changing;
  const more = 'management: { port: 0 }\nlimits: { drainTimeoutMs: 10 }\nmetrics: {}\n';
  await changing.write(config(mock('g/a', '/a', '1')) + more);
  const [ports, pages] = [gateway.listeners, gateway.management].map((each) => JSON.stringify(each));
  const limits = { ...gateway.limits() };
  forget();
  await changing.write(config(mock('g/a', '/a', '2'), mock('g/b', '/b', '1')) + more);
  assert.deepEqual(bound, ['g/a', 'g/b']);
  assert.deepEqual([JSON.stringify(gateway.listeners), JSON.stringify(gateway.management)], [ports, pages]);
  assert.deepEqual({ ...gateway.limits() }, limits);
  await changing.get('/b');
  const page = `http://127.0.0.1:${gateway.management?.port}/metrics`;
  const told = await (await fetch(page)).text();
  assert.match(told, /tapgate_published_apis 2/);
  assert.match(told, /tapgate_requests_total\{api="g\/b"[^}]*\} 1/);
});

test('a policy that no longer replaces others leaves nothing behind', async (t) => {
  const changing = new Changing(t);
  const policies = `plugins:
  first: { type: throttling, config: { period: { value: 1, unit: day }, limits: { api: 1 } } }
bindings: [{ plugin: first, apis: ['*'] }]
`;
  const base = config(mock('g/a', '/a', '1')).replace(/plugins: .*\nbindings: .*\n/, policies);
  await changing.write(base);
  assert.match(await changing.get('/a'), /^200/);
  await changing.write(base.replace('"1"', '"2"'));
  // The count goes on where it was.
  assert.match(await changing.get('/a'), /^429/);
});

test(
  'whatever is changed, it serves as one that read it for the first time',
  { timeout: 120_000 },
  async (t) => {
    const below = generator(20_261_128);
    const random = (): number => below(1000) / 1000;
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    const names = ['g/a', 'g/b', 'g/c', 'h/a', 'h/b'];
    const paths = ['/a', '/b', '/a/{x}', '/a/{y}/c', '/a/b', '/d/{r+}', '/'];
    const requests = ['/a', '/b', '/a/1', '/a/1/c', '/a/b', '/a/b/c', '/d/x/y', '/', '/none'];
    const api = (): string => {
      const match = random() < 0.3 ? ', match: prefix' : '';
      const environments = random() < 0.3 ? '    environments: [RELEASE, TEST]\n' : '';
      const text = mock(pick(names), pick(paths), String(Math.floor(random() * 1e6)), environments);
      return text.replace(' }\n', `${match} }\n`).replace('GET', pick(['GET', 'GET', 'POST', 'ANY']));
    };
    const changing = new Changing(t, [counting]);
    const tested = { amended: 0, refused: 0 };
    let all = [api()];
    for (let round = 0; round < 80; round += 1) {
      const next = all.filter(() => random() > 0.15);
      while (random() < 0.5) next.splice(Math.floor(random() * next.length), 0, api());
      const text = `environments: { TEST: {} }\n${next.length === 0 ? nothing : config(...next)}`;
      const fresh = new Changing(t, [counting]);
      forget();
      const [mine, its] = await Promise.all(
        [changing, fresh].map((each) =>
          each.write(text).then(
            () => 'in force',
            (error: unknown) => String(error).replaceAll(/\S+\.yaml/g, 'the file'),
          ),
        ),
      );
      assert.equal(mine, its, text);
      if (mine !== 'in force') {
        tested.refused += 1;
        await changing.write(`environments: { TEST: {} }\n${config(...all)}`).catch(() => (all = []));
        if (all.length === 0) await changing.write(nothing);
        continue;
      }
      all = next;
      if (bound.length < 2 * next.length) tested.amended += 1;
      for (const path of requests)
        for (const headers of [{}, { 'X-Stage': 'TEST' }, { host: 'h.example.com' }])
          for (const method of ['GET', 'POST']) {
            const answers = [changing, fresh].map((each) => each.get(path, { ...headers }, method));
            const [one, other] = (await Promise.all(answers)).map((each) =>
              each.replace(/"request_id":"[^"]*"/, ''),
            );
            assert.equal(one, other, `${method} ${path} of\n${text}`);
          }
      await fresh.gateway.close();
    }
    assert.ok(tested.amended > 10 && tested.refused > 10, JSON.stringify(tested));
  },
);
