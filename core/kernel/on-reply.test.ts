import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Settled, definePlugin, refuse, reply } from '#sdk';
import { testPlugin } from '#sdk/testing';

/** Notes what requests came to, where the backend is chosen. */
function listenerInto(seen: (readonly [string, number, boolean])[]) {
  const told = (who: string) => (settled: Settled) => {
    seen.push([`${who} ${settled.source}`, settled.reply.status, settled.backendMs !== undefined]);
  };
  return definePlugin({
    name: 'listener',
    summary: 'Listens.',
    bind: () => ({
      auth: {
        stage: 'serve',
        handle(exchange) {
          if (!exchange.headers.has('x-twice')) return undefined;
          exchange.onReply(told('outer'));
          return exchange.callBackend().then(() => reply(299));
        },
      },
      backendRouting: {
        stage: 'guard',
        handle(exchange) {
          exchange.onReply(told('inner'));
          if (exchange.headers.has('x-throw')) exchange.onReply(() => assert.fail('a defect'));
          return exchange.headers.has('x-refuse') ? refuse('circuit-open') : undefined;
        },
      },
      response(inbound) {
        inbound.status = 298;
        return undefined;
      },
    }),
  });
}

test('listeners hear once what a request came to, before anybody changed it', async () => {
  const seen: (readonly [string, number, boolean])[] = [];
  const gateway = await testPlugin(listenerInto(seen), {
    backend: ({ path }) => (path === '/slow' ? refuse('backend-timeout') : reply(201)),
  });
  const ask = async (path: string, ...names: string[]) => {
    await gateway.request('GET', path, { headers: Object.fromEntries(names.map((name) => [name, '1'])) });
    return seen.splice(0);
  };
  assert.deepEqual(await ask('/'), [['inner backend', 201, true]]);
  assert.deepEqual(await ask('/slow'), [['inner gateway', 504, true]]);
  assert.deepEqual(await ask('/', 'x-refuse'), [['inner gateway', 503, false]]);
  // A call of its own is a request of its own: its listeners hear the backend, the outer one what was made of it.
  assert.deepEqual(await ask('/', 'x-twice'), [
    ['inner backend', 201, true],
    ['outer gateway', 299, true],
  ]);
  assert.deepEqual(await ask('/', 'x-throw'), [['inner backend', 201, true]]);
  assert.equal(gateway.log.at(-1)?.message, 'a listener of the answer failed');
});
