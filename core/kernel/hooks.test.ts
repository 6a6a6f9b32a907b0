import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { AsyncSeriesBailHook, SyncBailHook } from 'tapable';
import { type Backend, Reply, refuse, reply } from '#sdk';
import { type Ending, type Handler, compileChain, compileSyncChain } from './hooks.ts';

const refusal = reply(403);
const isReply = (value: unknown): value is Reply => value instanceof Reply;
const isBackend = (value: unknown): value is Backend => typeof (value as Backend).invoke === 'function';

/** A handler that notes that it ran. */
function handler(name: string, handle: (ran: string[]) => unknown): Handler<string[]> {
  return {
    plugin: name,
    hook: 'auth',
    binding: name,
    at: undefined,
    timer: null,
    handle(ran) {
      ran.push(name);
      return handle(ran);
    },
  };
}

const goesOn = (name: string) => handler(name, () => undefined);

/** Runs a chain. One that hangs fails its test, as nothing is left to wait for. */
async function run(
  ...handlers: Handler<string[]>[]
): Promise<{ ran: string[]; ending: Ending<Reply> | undefined }> {
  const chain = compileChain('auth', handlers, isReply);
  assert.ok(chain);
  const ran: string[] = [];
  const ending = await chain(ran);
  // A handler that runs once more would do so in a microtask or an immediate, for a badly behaved thenable.
  await new Promise((resolve) => setImmediate(resolve));
  return { ran, ending };
}

function faultOf(ending: Ending<Reply> | undefined): Error {
  assert.ok(ending !== undefined && 'fault' in ending, 'the chain ended with a fault');
  return ending.fault;
}

function answerOf(ending: Ending<Reply> | undefined): Reply {
  assert.ok(ending !== undefined && 'answer' in ending, 'the chain ended with an answer');
  return ending.answer;
}

test('trap 1: tapable lets an async function end a bail chain; ours goes on', async () => {
  const bare = new SyncBailHook<[string[]], unknown>(['ran']);
  bare.tap('logs', async () => undefined);
  bare.tap('refuses', (ran) => {
    ran.push('refuses');
    return refusal;
  });
  const skipped: string[] = [];
  bare.call(skipped);
  assert.deepEqual(skipped, [], 'tapable still skips what follows an async tap');

  const logs = handler('logs', async () => undefined);
  const { ran, ending } = await run(
    logs,
    handler('refuses', () => refusal),
  );
  assert.deepEqual(ran, ['logs', 'refuses']);
  assert.equal(answerOf(ending), refusal);
});

/** In a process of its own, because what tapable loses comes up as an unhandled rejection. */
const bareThrow = `
  import { AsyncSeriesBailHook } from 'tapable';
  const bare = new AsyncSeriesBailHook(['ran']);
  bare.tapPromise('first', async () => undefined);
  bare.tapPromise('throws', () => { throw new Error('boom'); });
  let calls = 0;
  bare.callAsync([], () => { calls += 1; });
  process.on('exit', () => console.log('calls ' + calls));
`;

test('trap 2: tapable never ends when a later promise handler throws synchronously; ours does', async () => {
  const { stdout } = spawnSync(
    process.execPath,
    ['--unhandled-rejections=none', '--input-type=module', '--eval', bareThrow],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  assert.equal(stdout, 'calls 0\n', 'tapable still loses a synchronous throw after the first tap');

  const throws = handler('throws', () => {
    throw new Error('boom');
  });
  const { ran, ending } = await run(
    handler('first', async () => undefined),
    throws,
    goesOn('last'),
  );
  assert.deepEqual(ran, ['first', 'throws']);
  assert.equal(faultOf(ending).message, 'boom');
});

const falsy = [undefined, null, 0, '', false, Number.NaN, 0n];

test('trap 3: tapable takes a falsy error for success; ours for a fault', async () => {
  const bare = new AsyncSeriesBailHook<[string[]], unknown>(['ran']);
  bare.tapAsync('rejects', (_ran, callback) => {
    Promise.reject(undefined).catch((error: unknown) => callback(error as Error));
  });
  bare.tapAsync('later', (ran, callback) => {
    ran.push('later');
    callback(null);
  });
  const entered: string[] = [];
  const failed = await new Promise((resolve) => {
    bare.callAsync(entered, (error) => resolve(error));
  });
  assert.deepEqual(
    { entered, failed: failed ?? 'no' },
    { entered: ['later'], failed: 'no' },
    'tapable still goes on',
  );

  for (const value of falsy) {
    const rejected = await run(
      handler('rejects', () => Promise.reject(value)),
      goesOn('later'),
    );
    assert.deepEqual(rejected.ran, ['rejects'], `a rejection with ${String(value)} ends the chain`);
    assert.equal(faultOf(rejected.ending).cause, value);
    const throws = handler('throws', () => {
      throw value;
    });
    const thrown = await run(throws, goesOn('later'));
    assert.deepEqual(thrown.ran, ['throws'], `a thrown ${String(value)} ends the chain`);
    assert.equal(faultOf(thrown.ending).cause, value);
  }
});

test('trap 4: tapable bails on null; here null and every other non-answer is a fault', async () => {
  const bare = new SyncBailHook<[string[]], unknown>(['ran']);
  bare.tap('null', () => null);
  bare.tap('later', (ran) => {
    ran.push('later');
  });
  const skipped: string[] = [];
  bare.call(skipped);
  assert.deepEqual(skipped, [], 'tapable still bails on null');

  for (const value of [null, 0, '', false, true, 'no', {}, [], Symbol('x'), () => refusal]) {
    for (const answer of [value, Promise.resolve(value)]) {
      const { ran, ending } = await run(
        handler('answers', () => answer),
        goesOn('later'),
      );
      assert.deepEqual(ran, ['answers']);
      assert.ok(faultOf(ending) instanceof TypeError);
      assert.equal(ending?.handler.plugin, 'answers');
    }
  }
});

test('an answer ends the chain at once or later, and names its handler', async () => {
  for (const answer of [refusal, Promise.resolve(refusal)]) {
    const { ran, ending } = await run(
      goesOn('a'),
      handler('b', () => answer),
      goesOn('c'),
    );
    assert.deepEqual(ran, ['a', 'b']);
    assert.equal(answerOf(ending), refusal);
    assert.equal(ending?.handler.plugin, 'b');
  }
  const undecided = await run(
    goesOn('a'),
    handler('b', async () => undefined),
    goesOn('c'),
  );
  assert.deepEqual(undecided, { ran: ['a', 'b', 'c'], ending: undefined });
});

test('a thrown or rejected Reply is that answer, as `exchange.readBody()` rejects with one', async () => {
  const tooLarge = refuse('body-too-large');
  const throws = handler('throws', () => {
    throw tooLarge;
  });
  const rejects = handler('rejects', () => Promise.reject(tooLarge));
  for (const each of [throws, rejects]) assert.equal(answerOf((await run(each)).ending), tooLarge);
});

test('hand-made thenables cannot end a chain twice, nor break it', async () => {
  type Settle = (value: unknown) => void;
  const twice = { then: (resolve: Settle) => [resolve(undefined), resolve(refusal)] };
  const both = { then: (resolve: Settle, reject: Settle) => [resolve(undefined), reject(new Error('late'))] };
  const late = {
    then(resolve: Settle) {
      resolve(undefined);
      throw new Error('after the fact');
    },
  };
  for (const thenable of [twice, both, late]) {
    const { ran, ending } = await run(
      handler('odd', () => thenable),
      goesOn('last'),
    );
    assert.deepEqual({ ran, ending }, { ran: ['odd', 'last'], ending: undefined });
  }
  const throwing = {
    then() {
      throw new Error('in then');
    },
  };
  const getter = {
    get then(): never {
      throw new Error('in the getter');
    },
  };
  for (const [thenable, message] of [
    [throwing, 'in then'],
    [getter, 'in the getter'],
  ] as const) {
    const { ran, ending } = await run(
      handler('odd', () => thenable),
      goesOn('last'),
    );
    assert.deepEqual(ran, ['odd']);
    assert.equal(faultOf(ending).message, message);
  }
});

test('a check that throws on an answer is a fault, not an exception', () => {
  const trap = {
    get invoke(): never {
      throw new Error('in the getter');
    },
  };
  const chain = compileChain('backendRouting', [handler('odd', () => trap)], isBackend);
  const ending = chain?.([]);
  assert.ok(ending !== undefined && 'fault' in ending);
});

test('a chain of plain functions ends in the same tick, without a promise', () => {
  const chain = compileChain('auth', [goesOn('a'), goesOn('b'), handler('c', () => refusal)], isReply);
  const ran: string[] = [];
  const ending = chain?.(ran);
  assert.deepEqual(ran, ['a', 'b', 'c']);
  assert.ok(!(ending instanceof Promise));
  assert.equal(answerOf(ending), refusal);
});

test('one chain serves requests that overlap', async () => {
  const gates: (() => void)[] = [];
  const waits = handler(
    'waits',
    (ran) => new Promise((resolve) => gates.push(() => resolve(ran.includes('x') ? refusal : undefined))),
  );
  const chain = compileChain('auth', [waits, goesOn('last')], isReply);
  assert.ok(chain);
  const ends = [['x'], []].map(async (subject) =>
    (await chain(subject)) === undefined ? 'through' : 'refused',
  );
  for (const open of gates.toReversed()) open();
  assert.deepEqual(await Promise.all(ends), ['refused', 'through']);
});

/** What each handler of a chain does, at once or later. */
const deeds: Readonly<Record<string, () => unknown>> = {
  'goes on': () => undefined,
  answers: () => refusal,
  throws: () => {
    throw new Error('boom');
  },
  'means nothing': () => null,
};

test('handlers that wait and handlers that do not may stand in any order', async () => {
  const kinds = Object.entries(deeds).flatMap(([name, handle]) => [
    handler(name, handle),
    handler(name, async () => handle()),
  ]);
  for (const first of kinds) {
    for (const second of kinds) {
      for (const third of kinds) {
        const handlers = [first, second, third];
        const names = handlers.map(({ plugin }) => plugin);
        const last = names.findIndex((name) => name !== 'goes on');
        const { ran, ending } = await run(...handlers);
        assert.deepEqual(ran, last < 0 ? names : names.slice(0, last + 1));
        assert.equal(ending?.handler, handlers[last]);
        if (names[last] === 'answers') assert.equal(answerOf(ending), refusal);
        else if (last >= 0) assert.equal(faultOf(ending).message === 'boom', names[last] === 'throws');
      }
    }
  }
});

test('what stands before a handler that waits has run when the chain answers its promise', async () => {
  const waits = handler('waits', () => Promise.resolve());
  const chain = compileChain('auth', [goesOn('a'), waits, goesOn('b'), waits, goesOn('c')], isReply);
  const ran: string[] = [];
  const ending = chain?.(ran);
  assert.deepEqual(ran, ['a', 'waits']);
  assert.ok(ending instanceof Promise);
  assert.equal(await ending, undefined);
  assert.deepEqual(ran, ['a', 'waits', 'b', 'waits', 'c']);
});

test('a synchronous hook takes answers, skips undefined, and calls all else a fault', () => {
  const runSync = (...handlers: Handler<string[]>[]) => compileSyncChain('routing', handlers, isReply)?.([]);
  assert.equal(runSync(goesOn('a'), goesOn('b')), undefined);
  assert.equal(
    answerOf(
      runSync(
        goesOn('a'),
        handler('b', () => refusal),
      ),
    ),
    refusal,
  );
  for (const value of [null, 0, '', true, {}, [], Promise.resolve(refusal), { then: () => undefined }]) {
    assert.ok(
      faultOf(
        runSync(
          handler('a', () => value),
          goesOn('b'),
        ),
      ) instanceof TypeError,
    );
  }
  const throws = handler('a', () => {
    throw new Error('boom');
  });
  assert.equal(faultOf(runSync(throws)).message, 'boom');
});

test('a promise that a synchronous hook ignores may reject without ending the process', async () => {
  const chain = compileSyncChain('routing', [handler('a', () => Promise.reject(new Error('lost')))], isReply);
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => {
    unhandled.push(error);
  };
  process.on('unhandledRejection', note);
  assert.match(faultOf(chain?.([])).message, /promise; this hook is synchronous/);
  // Unhandled rejections are told between the microtasks and the next immediate.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  assert.deepEqual(unhandled, []);
});

test('a hook that nothing is bound to is null', () => {
  assert.equal(compileChain('auth', [], isReply), null);
  assert.equal(compileSyncChain('routing', [], isReply), null);
});
