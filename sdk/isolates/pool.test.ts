import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ample, poolOf } from './testing.ts';

test('sources of every kind answer', async (t) => {
  const kinds = [
    ['exports.handler = async ({ a }) => a + 1', 'f.js'],
    ['export const handler = ({ a }) => a + 1', 'f.js'],
    ['export async function handler({ a }: { a: number }): Promise<number> { return a + 1 }', 'f.ts'],
    ['module.exports = { handler: ({ a }) => a + 1 }', 'f.cjs'],
  ] as const;
  for (const [source, file] of kinds)
    assert.deepEqual(await poolOf(t, source, { file }).call({ a: 1 }), { json: '2' });
});

test('a source that cannot be run as far as its exports fails every call', async (t) => {
  const sources = {
    "throw new Error('at the top')": /at the top/,
    'for (;;);': /timed out/,
    'exports.other = 1': /no handler/,
    "require('fs')": /no module "fs" here; allowed: buffer, crypto, url/,
    "import fs from 'node:fs'; export const handler = () => 1": /"node:fs" cannot be imported/,
  };
  for (const [source, detail] of Object.entries(sources)) {
    const { call } = poolOf(t, source);
    for (let turn = 0; turn < 2; turn += 1) {
      const result = await call({}, { wallMs: 300 });
      assert.equal(result.fault, 'not-loaded', `${source} ${JSON.stringify(result)}`);
      assert.match(result.detail, detail);
    }
  }
});

test('calls beyond the concurrency wait, and beyond the queue are refused', async (t) => {
  const { call } = poolOf(
    t,
    'exports.handler = ({ ms }) => new Promise((go) => setTimeout(() => go(ms), ms))',
    {
      concurrency: 1,
      queue: 1,
    },
  );
  const results = await Promise.all([call({ ms: 30 }), call({ ms: 1 }), call({ ms: 2 })]);
  assert.deepEqual(results[0], { json: '30' });
  assert.deepEqual(results[1], { json: '1' });
  assert.equal(results[2].fault, 'busy');
  assert.deepEqual(await call({ ms: 3 }), { json: '3' });
});

test('calls at once have an isolate each, and one that fails takes none of the others with it', async (t) => {
  const { call } = poolOf(
    t,
    'let n = 0; exports.handler = async ({ spin }) => { n += 1; while (spin); await new Promise((go) => setTimeout(go, 200)); return n; }',
    { concurrency: 2 },
  );
  const [good, bad] = await Promise.all([call({}), call({ spin: true }, { wallMs: 50 })]);
  assert.deepEqual(good, { json: '1' });
  assert.equal(bad.fault, 'timeout');
});

test('an isolate that ran into a limit is replaced, state and all; others stay warm', async (t) => {
  const { call } = poolOf(
    t,
    'let n = 0; exports.handler = ({ spin }) => { n += 1; while (spin); return n; }',
  );
  assert.deepEqual([await call(), await call()], [{ json: '1' }, { json: '2' }]);
  await call({ spin: true }, { wallMs: 50 });
  assert.deepEqual(await call(), { json: '1' });
});

test('timers and answers that a call left behind do not reach the next', async (t) => {
  const { call } = poolOf(
    t,
    `let late; let fired = 0;
    exports.handler = ({ wait }) => {
      if (wait !== undefined) return new Promise((go) => setTimeout(() => go({ fired }), wait));
      setTimeout(() => { fired += 1; }, 1);
      return 'at once';
    }`,
  );
  assert.deepEqual(await call(), { json: '"at once"' });
  assert.deepEqual(await call({ wait: 60 }), { json: '{"fired":0}' });
});

test('timers one after the other are not too many', async (t) => {
  const { call } = poolOf(
    t,
    `exports.handler = async () => {
      for (let turn = 0; turn < 1100; turn++) { clearTimeout(setTimeout(() => {}, 1000)); if (turn % 10 === 0) await new Promise((go) => setTimeout(go, 0)); }
      return 'done';
    }`,
  );
  assert.deepEqual(await call(), { json: '"done"' });
});

test('what foreign code writes comes as lines, bounded in length and number', async (t) => {
  const { call, lines } = poolOf(
    t,
    `exports.handler = () => {
      console.log('a', 1, { b: [2] }); console.error(new Error('bad')); console.warn('x'.repeat(1e5));
      for (let i = 0; i < 1000; i++) console.info(i);
      return 0;
    }`,
  );
  await call();
  assert.deepEqual(lines[0], { level: 'info', text: 'a 1 {"b":[2]}' });
  assert.match(lines[1]?.text ?? '', /^Error: bad/);
  assert.deepEqual([lines[2]?.level, lines[2]?.text.length, lines.length], ['warn', 8192, 100]);
});

test('a pool that is disposed ends what runs and what waits', async (t) => {
  const { pool, call } = poolOf(t, 'exports.handler = ({ a }) => (a === 1 ? 1 : new Promise(() => {}))');
  assert.deepEqual(await call({ a: 1 }), { json: '1' });
  const pending = [call(), call()];
  pool.dispose();
  for (const result of await Promise.all(pending)) assert.equal(result.fault, 'disposed');
  assert.equal((await pool.call('{}', ample)).fault, 'disposed');
});

const lent: readonly (readonly [expression: string, expected: unknown])[] = [
  ["Buffer.from('aGVsbG8', 'base64').toString()", 'hello'],
  ["Buffer.from('h\\u00e9\\u20ac').toString('base64')", 'aMOp4oKs'],
  ["Buffer.from('-_8', 'base64url').toString('hex')", 'fbff'],
  ["Buffer.from('ff00zz', 'hex').toJSON()", { type: 'Buffer', data: [255, 0] }],
  ["Buffer.concat([Buffer.from('a'), Buffer.from([98])]).toString()", 'ab'],
  ["Buffer.byteLength('\\u20ac') + Buffer.alloc(2).length", 5],
  ["Buffer.from('abc').equals(Buffer.from('abc')) && Buffer.isBuffer(Buffer.from('abc').subarray(1))", true],
  ["new TextDecoder().decode(new TextEncoder().encode('\\u20ac'))", '€'],
  ["atob('aGk=') + btoa('hi')", 'hiaGk='],
  ["new URL('/p?a=1#h', 'https://x.test:8443').href", 'https://x.test:8443/p?a=1#h'],
  [
    "(() => { const u = new URL('http://x/'); u.searchParams.append('a b', '\\u00e9'); u.pathname = '/y'; return u.href })()",
    'http://x/y?a+b=%C3%A9',
  ],
  ["URL.canParse('no url')", false],
  [
    "new URLSearchParams('a=1&a=2&b=%20+').getAll('a').join() + new URLSearchParams({ x: 'y z' })",
    '1,2x=y+z',
  ],
  [
    "crypto.createHash('sha256').update('a').update('b').digest('hex')",
    'fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603',
  ],
  [
    "require('crypto').createHmac('sha1', 'key').update('text').digest('base64')",
    'Np4pWetJRQM4shJ0j3fY3tdIR7s=',
  ],
  ['crypto.randomUUID().length + crypto.randomBytes(4).length', 40],
  ["crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('b'))", false],
];
test('what is lent works as it does in Node', async (t) => {
  const { call } = poolOf(
    t,
    `const all = [${lent.map(([expression]) => `() => ${expression}`).join(',\n')}];
    exports.handler = ({ index }) => all[index]();`,
  );
  for (const [index, [expression, expected]] of lent.entries())
    assert.deepEqual(await call({ index }), { json: JSON.stringify(expected) }, expression);
});

/** Run in a process of its own with few descriptors: takes all but `free` of them, calls, gives them back, calls again. */
const exhausted = (free: number): string => `
import { closeSync, openSync } from 'node:fs';
import { IsolatePool, compileProgram } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)};
const pool = new IsolatePool(compileProgram('exports.handler = () => 1', 'f.js'), {
  adapter: 'return (exported) => () => exported.handler()', memoryMb: 16, allowHosts: [], concurrency: 1, queue: 10, log: () => undefined,
});
const limits = ${JSON.stringify(ample)};
const files = [];
try {
  for (;;) files.push(openSync('/dev/null'));
} catch {}
for (const file of files.splice(0, ${free})) closeSync(file);
pool.warm();
const all = await Promise.all([pool.call('{}', limits), pool.call('{}', limits)]);
for (const file of files) closeSync(file);
console.log(JSON.stringify([...all.map(({ fault }) => fault), (await pool.call('{}', limits)).json]));
pool.dispose();
`;

test('without a descriptor left, calls fail and nothing else; once there are some, they are answered', async () => {
  for (const free of [0, 1, 2, 4]) {
    const script = ['--input-type=module', '--eval', exhausted(free)];
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, ...script],
      { timeout: 60_000 },
    );
    assert.deepEqual(JSON.parse(stdout), ['crashed', 'crashed', '1'], `${free} were left`);
  }
});
