import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, type Backend, type Hooks, type Stage, Reply, reply } from '#sdk';
import { type Placed, compileEndpoint } from './chains.ts';
import type { Endpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { Chain } from './hooks.ts';

const api: Api = {
  name: 'shop/orders',
  group: { name: 'shop', hosts: ['shop'], definition: {} },
  request: { method: 'GET', path: '/', match: 'exact' },
  definition: {},
};
const backend: Backend = { invoke: () => reply(200) };

/** A binding called `name`, bound at the line of its place. */
function bind(name: string, hooks: Hooks): Omit<Placed, 'at'> {
  const definition = { name, summary: '' };
  return {
    bound: {
      prepared: { plugin: { definition }, config: {}, name: `my-${name}`, path: [], kind: 'x' },
      hooks,
    },
  };
}

function compile(...bindings: Omit<Placed, 'at'>[]): Endpoint {
  const placed = bindings.map((each, index) => ({
    ...each,
    at: { file: 'a.yaml', line: index + 1, column: 1 },
  }));
  return compileEndpoint({ api, environment: 'RELEASE' }, placed, backend, { maxBytes: 1, idleMs: 0 });
}

const ran: string[] = [];

/** Notes its name; answers what it is given. */
const note = (name: string, answer?: Reply) => (): Reply | undefined => {
  ran.push(name);
  return answer;
};

const staged = (name: string, stage: Stage, answer?: Reply) =>
  bind(name, { auth: { stage, handle: note(name, answer) } });

const identifies = bind('identifies', {
  auth: {
    stage: 'authenticate',
    handle(exchange) {
      ran.push('identifies');
      exchange.identity = { type: 'app', id: 'caller' };
      return undefined;
    },
  },
});

/** Runs one chain of plain functions and answers what ran and what it ended with. */
function run(chain: Chain<never, unknown> | null, subject: unknown): [string[], unknown] {
  assert.ok(chain, 'the hook is used');
  ran.length = 0;
  const ending = chain(subject as never);
  assert.ok(!(ending instanceof Promise), 'plain functions end at once');
  const answer = ending === undefined ? undefined : 'answer' in ending ? ending.answer : ending.fault;
  return [[...ran], answer];
}

const stranger = (): Exchange => ({ identity: null }) as Exchange;

test('auth runs by stage, whatever the order of the bindings, and in YAML order inside a stage', () => {
  const { auth } = compile(
    staged('serve', 'serve'),
    staged('admit-1', 'admit'),
    staged('authorize-1', 'authorize'),
    identifies,
    staged('authorize-2', 'authorize'),
    staged('admit-2', 'admit'),
  );
  const expected = ['identifies', 'authorize-1', 'authorize-2', 'admit-1', 'admit-2', 'serve'];
  assert.deepEqual(run(auth, stranger()), [expected, undefined]);
});

test('every order of the bindings gives the same order of the stages', () => {
  const stages: readonly Stage[] = ['authenticate', 'authorize', 'admit', 'serve'];
  const bindings = stages.map((stage) => staged(stage, stage));
  for (const order of permutations(bindings)) {
    const [names] = run(compile(...order).auth, { identity: { type: 'app', id: 'a' } });
    assert.deepEqual(names, stages);
  }
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

test('an authenticator that sets no identity means 401, and no later stage is entered', () => {
  const later = (['authorize', 'admit', 'serve'] as const).map((stage) => staged(stage, stage, reply(200)));
  const { auth } = compile(...later, staged('quiet', 'authenticate'));
  const [names, answer] = run(auth, stranger());
  assert.deepEqual(names, ['quiet']);
  assert.ok(answer instanceof Reply);
  assert.deepEqual([answer.status, answer.refusal?.kind], [401, 'not-authenticated']);
});

test('what a plugin without types may leave as identity is none', () => {
  const { auth } = compile(staged('quiet', 'authenticate'));
  for (const identity of [undefined, null, '', 'someone', 0, true]) {
    const [, answer] = run(auth, { identity });
    assert.ok(answer instanceof Reply && answer.status === 401, `identity ${String(identity)}`);
  }
});

test('the second authenticator is asked when the first one sets nothing; one of them is enough', () => {
  const { auth } = compile(staged('quiet', 'authenticate'), identifies, staged('later', 'admit'));
  assert.deepEqual(run(auth, stranger()), [['quiet', 'identifies', 'later'], undefined]);
});

test('without an authenticator no identity is required', () => {
  const { auth } = compile(staged('admit', 'admit'));
  assert.deepEqual(run(auth, stranger()), [['admit'], undefined]);
});

test('an authenticator that refuses ends auth with its own refusal', () => {
  const own = reply(401);
  const { auth } = compile(staged('refuses', 'authenticate', own), identifies);
  assert.deepEqual(run(auth, stranger()), [['refuses'], own]);
});

test('the other hooks run in YAML order, and `response` in reverse', () => {
  const bindings = ['a', 'b', 'c'].map((name) =>
    bind(name, {
      preAuth: note(`preAuth ${name}`),
      backendRouting: note(`backendRouting ${name}`),
      backendSigning: note(`backendSigning ${name}`),
      response: note(`response ${name}`),
    }),
  );
  const endpoint = compile(...bindings);
  for (const hook of ['preAuth', 'backendRouting', 'backendSigning'] as const) {
    assert.deepEqual(run(endpoint[hook], {})[0], [`${hook} a`, `${hook} b`, `${hook} c`]);
  }
  assert.deepEqual(run(endpoint.response, {})[0], ['response c', 'response b', 'response a']);
});

test('a hook that nobody uses is null, also when others are used', () => {
  const { preAuth, auth, backendRouting, backendSigning, response, completed } = compile(
    bind('a', { response: note('a') }),
    bind('nothing', {}),
  );
  assert.deepEqual([preAuth, auth, backendRouting, backendSigning], [null, null, null, null]);
  assert.notEqual(response, null);
  assert.deepEqual(completed, []);
});

test('only `backendRouting` takes a backend for an answer', () => {
  const chosen: Backend = { invoke: () => reply(201) };
  const answers = () => chosen as never;
  const endpoint = compile(
    bind('a', {
      preAuth: answers,
      auth: { stage: 'serve', handle: answers },
      backendRouting: answers,
      backendSigning: answers,
      response: answers,
    }),
  );
  assert.deepEqual(run(endpoint.backendRouting, {}), [[], chosen]);
  for (const hook of ['preAuth', 'auth', 'backendSigning', 'response'] as const) {
    assert.ok(run(endpoint[hook], {})[1] instanceof TypeError, hook);
  }
});

test('handlers are called on the object that `bind` returned, and know where they were bound', () => {
  class Counting {
    count = 0;
    auth = {
      stage: 'admit' as const,
      count: 0,
      handle(): undefined {
        this.count += 1;
      },
    };
    preAuth(): undefined {
      this.count += 1;
    }
    completed(): void {
      this.count += 1;
    }
  }
  const hooks = new Counting();
  const endpoint = compile(bind('first', {}), bind('counting', hooks));
  run(endpoint.preAuth, {});
  run(endpoint.auth, stranger());
  endpoint.completed[0]?.notify({} as never);
  assert.deepEqual([hooks.count, hooks.auth.count], [2, 1]);
  const [{ plugin, binding, hook, at }] = endpoint.handlers.preAuth as unknown as [Record<string, unknown>];
  const expected = { plugin: 'counting', binding: 'my-counting', hook: 'preAuth' };
  assert.deepEqual(
    { plugin, binding, hook, at },
    { ...expected, at: { file: 'a.yaml', line: 2, column: 1 } },
  );
});
