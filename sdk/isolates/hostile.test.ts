import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { poolOf } from './testing.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Each way to misbehave, and the fault that it must end in. The same isolates serve a well-behaved call after each. */
const source = `
const ways = {
  fine: async ({ value }) => ({ value, polluted: {}.polluted, kept: [].kept }),
  loop: () => { for (;;); },
  loopLater: async () => { await null; for (;;); },
  loopInThen: () => new Promise(() => Promise.resolve().then(() => { for (;;); })),
  loopInTimer: () => new Promise(() => setTimeout(() => { for (;;); }, 1)),
  microtasks: () => new Promise(() => (function again() { Promise.resolve().then(again); })()),
  never: () => new Promise(() => {}),
  timers: () => new Promise(() => setInterval(() => {}, 1)),
  regex: () => /(a+)+$/.test('a'.repeat(60) + 'b'),
  deep: () => { const nest = () => nest(); return nest(); },
  hungry: () => { const kept = []; for (;;) kept.push(new Array(100000).fill(1)); },
  buffers: () => { const kept = []; for (;;) kept.push(new Uint8Array(5e6).fill(1)); },
  map: () => { const map = new Map(); for (let i = 0; ; i++) map.set(i, {}); },
  throws: () => { throw new Error('on purpose'); },
  throwsProxy: () => { throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } }); },
  throwsNull: () => { throw null; },
  rejectsElsewhere: () => new Promise(() => { Promise.reject(new Error('detached')); }),
  throwsInTimer: () => new Promise(() => setTimeout(() => { throw new Error('in a timer'); }, 1)),
  nothing: () => undefined,
  code: () => () => 1,
  bigint: () => ({ a: 1n }),
  circle: () => { const a = {}; a.a = a; return a; },
  getter: () => ({ get statusCode() { throw new Error('looked at'); } }),
  loopingGetter: () => ({ get statusCode() { for (;;); } }),
  proxy: () => new Proxy({}, { ownKeys() { for (;;); } }),
  toJson: () => ({ toJSON() { for (;;); } }),
  then: () => ({ then() { for (;;); } }),
  huge: () => 'x'.repeat(2e6),
  fetches: () => fetch('http://example.com/'),
  manyTimers: () => { for (;;) setTimeout(() => {}, 1e6); },
  pollutes: () => {
    Object.prototype.polluted = 'yes';
    Array.prototype.kept = 'yes';
    JSON.stringify = () => '"mine"';
    Promise.prototype.then = () => { for (;;); };
    return { statusCode: 200 };
  },
};
exports.handler = (args) => ways[args.way](args);
`;

const faults: Readonly<Record<string, readonly string[]>> = {
  loop: ['timeout'],
  loopLater: ['timeout'],
  loopInThen: ['timeout'],
  loopInTimer: ['timeout'],
  microtasks: ['timeout'],
  never: ['timeout'],
  timers: ['timeout'],
  regex: ['timeout'],
  loopingGetter: ['timeout'],
  proxy: ['timeout'],
  toJson: ['timeout'],
  then: ['timeout'],
  deep: ['threw'],
  hungry: ['memory'],
  buffers: ['memory'],
  map: ['memory'],
  throws: ['threw'],
  throwsProxy: ['threw'],
  throwsNull: ['threw'],
  rejectsElsewhere: ['threw'],
  throwsInTimer: ['threw'],
  nothing: ['not-json'],
  code: ['not-json'],
  bigint: ['threw'],
  circle: ['threw'],
  getter: ['threw'],
  huge: ['too-large'],
  fetches: ['threw'],
  manyTimers: ['threw'],
};

suite('foreign code that misbehaves', () => {
  // One pool for all: that the next call is served is the point.
  const { call } = poolOf({ after }, source);
  for (const [way, allowed] of Object.entries(faults)) {
    test(`${way}: ${allowed.join(' or ')}, and the next call is served`, async () => {
      const wallMs = allowed.includes('timeout') ? 60 : 20_000;
      const result = await call({ way }, { wallMs });
      assert.ok(result.fault !== undefined && allowed.includes(result.fault), JSON.stringify(result));
      assert.deepEqual(await call({ way: 'fine', value: 1 }), { json: '{"value":1}' });
    });
  }
});

test('prototypes that a call changed are its own isolate’s', async (t) => {
  const first = poolOf(t, source);
  const answer = await first.call({ way: 'pollutes' }, { wallMs: 300 });
  // It broke its own way out at most.
  assert.ok(answer.fault === 'timeout' || 'json' in answer, JSON.stringify(answer));
  assert.equal(({} as { polluted?: string }).polluted, undefined);
  assert.deepEqual(await poolOf(t, source).call({ way: 'fine', value: 2 }), { json: '{"value":2}' });
});

test('what V8 cannot interrupt costs its process, and nothing else', async (t) => {
  const endless = `exports.handler = ({ way }) => {
    if (way === 'fine') return 1;
    let b = 3n; for (;;) b = b * b % (2n ** 8000000n);
  }`;
  const { call } = poolOf(t, endless);
  const result = await call({}, { wallMs: 100 });
  assert.equal(result.fault, 'timeout', JSON.stringify(result));
  assert.deepEqual(await call({ way: 'fine' }), { json: '1' });
});

test('memory that the isolate does not count is the limit of its process', async (t) => {
  const { call } = poolOf(
    t,
    `exports.handler = ({ way }) => way === 'fine' ? 1 : new Array(6e7).fill().length`,
  );
  const result = await call({}, { wallMs: 20_000 });
  assert.equal(result.fault, 'memory', JSON.stringify(result));
  assert.deepEqual(await call({ way: 'fine' }), { json: '1' });
});

test('time of running and time until the answer are two limits', async (t) => {
  const spin = `const until = (ms) => { const end = Date.now() + ms; while (Date.now() < end); };
    exports.handler = async () => { for (;;) { until(10); await new Promise((go) => setTimeout(go, 1)); } }`;
  const { call } = poolOf(t, spin);
  assert.equal((await call({}, { runMs: 50 })).fault, 'run-time');
  assert.equal((await call({}, { wallMs: 50 })).fault, 'timeout');
});

test('nothing of the host is in reach', async (t) => {
  const { call } = poolOf(
    t,
    `exports.handler = () => {
      const found = [];
      const seen = new Set();
      const look = (value, path) => {
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
        seen.add(value);
        if (typeof value === 'function') {
          let made; try { made = value.constructor('return [typeof process, typeof require, typeof host, typeof kept, typeof ivm].join()')(); } catch {}
          made = made?.next?.().value ?? made;
          if (typeof made === 'string' && made !== 'undefined,undefined,undefined,undefined,undefined') found.push(path + ': ' + made);
        }
        for (const key of Reflect.ownKeys(value)) {
          const { value: inner, get } = Object.getOwnPropertyDescriptor(value, key);
          look(inner, path + '.' + String(key)); look(get, path + '.get ' + String(key));
        }
        look(Object.getPrototypeOf(value), path + '.__proto__');
      };
      look(globalThis, 'globalThis');
      let stack = '';
      try { crypto.randomBytes(1e9); } catch (error) { stack = error.stack; look(error, 'error'); }
      return { found, seen: seen.size, stack, missing: ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'process', 'require'].filter((n) => n in globalThis) };
    }`,
  );
  const { json } = (await call()) as { json: string };
  const answer = JSON.parse(json) as { found: string[]; seen: number; stack: string; missing: string[] };
  assert.deepEqual([answer.found, answer.missing], [[], []]);
  assert.ok(answer.seen > 500, `${answer.seen} objects were looked at`);
  assert.doesNotMatch(answer.stack, /node:|\/sdk\//);
});

test('stack traces hand out nothing, and what is written while loading is bounded', async (t) => {
  const { call, lines } = poolOf(
    t,
    `for (let i = 0; i < 1000; i++) console.log(i);
    exports.handler = () => {
      const found = [];
      Error.prepareStackTrace = (error, sites) => sites.forEach((site) => found.push(typeof site.getFunction(), typeof site.getThis()));
      String.prototype.slice = () => 'y'.repeat(1e6);
      console.log('x');
      void new Error('x').stack;
      return found;
    }`,
  );
  const { json } = (await call()) as { json: string };
  // The first is the handler itself.
  assert.deepEqual(new Set(JSON.parse(json).slice(2)), new Set(['undefined']));
  assert.equal(lines.length, 101);
  assert.equal(lines.at(-1)?.text.length, 8192);
});

test('faults do not add up in this process', async (t) => {
  const { call } = poolOf(t, source, { concurrency: 2 });
  const ways = ['loop', 'loopLater', 'throws', 'never', 'getter', 'throwsInTimer'];
  const round = async (count: number): Promise<number> => {
    for (let turn = 0; turn < count; turn += 2) {
      const pair = [0, 1].map((more) => call({ way: ways[(turn + more) % ways.length] }, { wallMs: 5 }));
      for (const result of await Promise.all(pair)) assert.notEqual(result.fault, undefined);
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await round(120);
  const after = await round(480);
  t.diagnostic(`${before} bytes after 120 faults, ${after} after 600`);
  assert.ok(after - before < 1_000_000, `${before} bytes, then ${after}`);
});
