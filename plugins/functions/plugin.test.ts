import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Functions, type FunctionResult, type GatewayFunction, definePlugin } from '#sdk';
import { type TestGateway, testGateway } from '#sdk/testing';

interface Loaded {
  readonly gateway: TestGateway;
  readonly find: (name: string) => GatewayFunction;
  readonly invoke: (name: string, event?: object) => Promise<FunctionResult>;
  readonly reload: (functions: object) => Promise<void>;
}

/** A gateway with functions, and the service as another plugin gets it. */
async function load(
  t: { after(work: () => Promise<void>): void },
  sources: Readonly<Record<string, string>>,
  functions: Readonly<Record<string, object>>,
): Promise<Loaded> {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-functions-'));
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, name), source);
  let service: Functions | undefined;
  const user = definePlugin({
    name: 'functions-user',
    summary: 'Uses functions.',
    setup(_section, kit) {
      service = kit.use(Functions);
      return {};
    },
  });
  const configOf = (all: object) => ({
    functions: Object.fromEntries(
      Object.entries(all as Record<string, { source?: string }>).map(([name, { source, ...options }]) => [
        name,
        {
          warm: false,
          timeoutMs: 20_000,
          ...options,
          ...(source === undefined ? {} : { source: join(folder, source) }),
        },
      ]),
    ),
  });
  let gateway: TestGateway;
  try {
    gateway = await testGateway({ config: configOf(functions), plugins: [user] });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  t.after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });
  const find = (name: string): GatewayFunction => {
    const found = service?.byName(name);
    assert.ok(found !== undefined, name);
    return found;
  };
  return {
    gateway,
    find,
    invoke: (name, event = {}) => find(name).invoke({ ...event }, { requestId: 'r-1' }),
    reload: (all) => gateway.reload(configOf(all)),
  };
}

test('a handler gets the context of FunctionGraph', async (t) => {
  const source = `exports.handler = async (event, context) => {
    context.getLogger().warn('seen', event.a);
    return [context.getRequestID(), context.getFunctionName(), context.getUserData('k'), context.getUserData('toString'),
      context.getMemorySize(), context.getRunningTimeInSeconds(), context.getRemainingTimeInMilliSeconds() > 0, context.getAccessKey()];
  }`;
  const { invoke, gateway } = await load(
    t,
    { 'f.js': source },
    { f: { source: 'f.js', memoryMb: 32, userData: { k: 'v' } } },
  );
  assert.deepEqual(await invoke('f', { a: 1 }), { value: ['r-1', 'f', 'v', null, 32, 20, true, ''] });
  assert.deepEqual(gateway.log.at(-1), {
    level: 'warn',
    fields: { function: 'f', text: 'seen 1' },
    message: 'a function wrote',
  });
});

test('the example of the README works', async (t) => {
  const greet = readFileSync(new URL('greet.js', import.meta.url), 'utf8');
  const { invoke } = await load(
    t,
    { 'greet.js': greet },
    { greet: { source: 'greet.js', userData: { realm: 'store' } } },
  );
  const { value } = (await invoke('greet', { pathParameters: { name: 'ann' } })) as {
    value: { body: string };
  };
  assert.equal(value.body, 'hello ann of store');
});

test('a handler may call back instead of returning', async (t) => {
  const source = `exports.handler = (event, context, callback) => {
    if (event.way === 'later') setTimeout(() => callback(null, 'later'), 1);
    else if (event.way === 'error') callback(new Error('called back'));
    else if (event.way === 'async') return Promise.resolve('returned');
    else callback(undefined, 'at once');
  }`;
  const { invoke } = await load(t, { 'f.js': source }, { f: { source: 'f.js' } });
  assert.deepEqual(await invoke('f', { way: 'later' }), { value: 'later' });
  assert.deepEqual(await invoke('f'), { value: 'at once' });
  assert.deepEqual(await invoke('f', { way: 'async' }), { value: 'returned' });
  const { fault, detail } = (await invoke('f', { way: 'error' })) as { fault: string; detail: string };
  assert.equal(fault, 'failed');
  assert.match(detail, /called back/);
});

test('functions share nothing, whatever they do to their globals', async (t) => {
  const source = `Object.prototype.mine = globalThis.mine = 1; exports.handler = () => 1`;
  const other = `export const handler = () => [typeof globalThis.mine, typeof {}.mine]`;
  const { invoke } = await load(
    t,
    { 'f.js': source, 'g.ts': other },
    { f: { source: 'f.js' }, g: { source: 'g.ts' } },
  );
  assert.deepEqual(await invoke('f'), { value: 1 });
  assert.deepEqual(await invoke('g'), { value: ['undefined', 'undefined'] });
});

test('the status tells what isolates do and did, over reloads', async (t) => {
  const source = 'exports.handler = ({ a }) => { if (a === 1) throw new Error("one"); return a; }';
  const all = { f: { source: 'f.js' }, far: { url: 'http://192.0.2.1/' } };
  const { gateway, invoke, reload } = await load(t, { 'f.js': source }, all);
  const told = async () => {
    const { plugins } = JSON.parse((await gateway.manage('/status')).body) as {
      plugins: { functions: Record<string, unknown>[] };
    };
    return plugins.functions.map(({ idle: _idle, ...figures }) => figures);
  };
  const figures = { function: 'f', busy: 0, waiting: 0 };
  assert.deepEqual(await told(), [{ ...figures, calls: 0, faults: {} }]);
  await invoke('f', { a: 0 });
  await invoke('f', { a: 1 });
  await reload(all);
  await invoke('f', { a: 1 });
  assert.deepEqual(await told(), [{ ...figures, calls: 3, faults: { failed: 2 } }]);
});

test('a reload keeps the warm isolates of what is unchanged, and stops the others', async (t) => {
  const source = 'let n = 0; exports.handler = () => (n += 1)';
  const all = { f: { source: 'f.js' }, g: { source: 'f.js' } };
  const { invoke, reload, find } = await load(t, { 'f.js': source }, all);
  await Promise.all([invoke('f'), invoke('g')]);
  const old = find('g');
  await reload({ ...all, g: { source: 'f.js', memoryMb: 64 } });
  assert.deepEqual([await invoke('f'), await invoke('g')], [{ value: 2 }, { value: 1 }]);
  assert.equal((await old.invoke({}, { requestId: 'r' })).fault, 'busy');
});

test('calls beyond what may run and wait are refused at once', async (t) => {
  const source = 'exports.handler = ({ ms }) => new Promise((go) => setTimeout(go, ms, 1))';
  const { invoke } = await load(t, { 'f.js': source }, { f: { source: 'f.js', concurrency: 1, queue: 0 } });
  const [first, second] = await Promise.all([invoke('f', { ms: 20 }), invoke('f', { ms: 20 })]);
  assert.deepEqual([first, second.fault], [{ value: 1 }, 'busy']);
});

const wrong: readonly (readonly [title: string, options: object, expected: RegExp])[] = [
  ['no engine', {}, /functions\.f: a function has one of source, url and endpoint; found none/],
  ['two engines', { source: 'f.js', url: 'http://x' }, /found source and url/],
  [
    'a file that is not there',
    { source: 'missing.js' },
    /functions\.f\.source: the file cannot be read: ENOENT/,
  ],
  [
    'a source that cannot be parsed',
    { source: 'bad.js' },
    /the source cannot be parsed: .*bad\.js:2: Unexpected token/,
  ],
  ['an unknown option', { source: 'f.js', memory: 1 }, /memory/],
  ['too little memory', { source: 'f.js', memoryMb: 1 }, /memoryMb/],
  [
    'a host that is a URL',
    { source: 'f.js', allowHosts: ['http://x/'] },
    /allowHosts\[0\].*allowed: a host, or host:port/,
  ],
  ['an endpoint alone', { endpoint: 'http://x' }, /needs urn, project, accessKey, secretKey, too/],
  ['credentials without an endpoint', { url: 'http://x', urn: 'u' }, /functions\.f\.urn: "urn" belongs to/],
];
for (const [title, options, expected] of wrong) {
  test(`refused at load: ${title}`, async (t) => {
    const sources = { 'f.js': 'exports.handler = () => 1', 'bad.js': '\nfoo = = 1' };
    await assert.rejects(load(t, sources, { f: options }), expected);
  });
}
