import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { type OriginClient, createPool } from '../../core/http/egress.ts';
import { UndiciPool } from '../../core/http/undici-pool.ts';
import { rawBackend } from './support/backend.ts';
import { passTo, startGateway } from './support/gateway.ts';
import { type OddAnswer, type Told, oddAnswer, spoiltAnswer } from './support/odd-answers.ts';
import { generator } from './support/random.ts';
import { exchangeRaw } from './support/raw-client.ts';
import { within } from './support/within.ts';

type Random = (below: number) => number;
type Planned = Pick<OddAnswer, 'text' | 'isClosing'>;

/** A generator whose first numbers are as far apart as its later ones. */
function seeded(seed: number): Random {
  const random = generator(seed);
  for (let warm = 0; warm < 8; warm += 1) random(2);
  return random;
}

/** A server that answers each path with what is planned for it, in random pieces. */
async function scripted(plan: (path: string) => Planned) {
  let seed = 1;
  let writing = Promise.resolve();
  const backend = await rawBackend((socket) => {
    let seen = '';
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      for (let end = seen.indexOf('\r\n\r\n'); end >= 0; end = seen.indexOf('\r\n\r\n')) {
        const path = /^\S+ (\S+)/.exec(seen)?.[1] ?? '';
        seen = seen.slice(end + 4);
        writing = writePieces(socket, plan(path), seeded(seed++));
      }
    });
  });
  /** All of the last answer is on its way, or nobody takes it. */
  return { backend, written: () => writing };
}

async function writePieces(socket: Socket, { text, isClosing }: Planned, random: Random): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  // Pieces of a few bytes for heads, some of many for what is long.
  const largest = random(3) === 0 ? bytes.length : 1 + random(bytes.length > 5000 ? 20_000 : 40);
  for (let at = 0; at < bytes.length && !socket.destroyed;) {
    const size = 1 + random(largest);
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (random(3) > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (isClosing) socket.end();
}

/** What whoever asks is told; rejects when the answer is none, or ends twice. */
function ask(client: OriginClient, method: string, path: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const interim: number[] = [];
    let status = 0;
    let headers: Told['headers'] = {};
    const content: Buffer[] = [];
    let endings = 0;
    const end = (settle: () => void): void => {
      endings += 1;
      if (endings === 1) settle();
      else process.nextTick(() => assert.fail(`${path} ended twice`));
    };
    client.dispatch(
      { method, path, headers: ['Host', 'a'], body: null },
      {
        onRequestStart: () => undefined,
        onAnswerHead(_controller, head) {
          if (head.status < 200) interim.push(head.status);
          else [status, headers] = [head.status, listed(head.flat)];
        },
        onResponseData: (_controller, chunk) => void content.push(Buffer.from(chunk)),
        onAnswerEnd: (trailers) =>
          end(() =>
            resolve({
              interim,
              status,
              headers,
              content: Buffer.concat(content).toString('latin1'),
              trailers: listed(trailers),
            }),
          ),
        onAnswerError: (error) => end(() => reject(error)),
      },
    );
  });
}

function listed(flat: readonly string[]): Told['headers'] {
  const table = new Map<string, string[]>();
  for (let index = 0; index < flat.length; index += 2) {
    const [name = '', value = ''] = flat.slice(index);
    table.set(name, [...(table.get(name) ?? []), value]);
  }
  return Object.fromEntries(table);
}

test('odd but valid answers, cut anywhere, are told as they were meant, and as undici tells them', async () => {
  const plans = new Map<string, OddAnswer>();
  const { backend } = await scripted((path) => plans.get(path) ?? assert.fail(path));
  await using _backend = backend;
  const origin = `http://127.0.0.1:${backend.port}`;
  const limits = { connectionsPerOrigin: 4, connectTimeoutMs: 5000, idleConnectionMs: 4000 };
  const ours = createPool(origin, limits);
  const theirs = new UndiciPool(origin, { connections: 4, pipelining: 1, maxHeaderSize: 128 * 1024 });
  const one = async (seed: number): Promise<void> => {
    const random = seeded(seed);
    const method = random(6) === 0 ? 'HEAD' : 'GET';
    const planned = oddAnswer(method, random);
    plans.set(`/${seed}`, planned);
    const label = `seed ${seed}: ${method} ${JSON.stringify(planned.text.slice(0, 2000))}`;
    const told = await within(ask(ours, method, `/${seed}`), label, 10_000).catch((error: unknown) =>
      assert.fail(`${label}: ${String(error)}`),
    );
    assert.deepEqual(told, { ...planned.told }, label);
    assert.deepEqual(
      asUndici(told),
      asUndici(await within(ask(theirs, method, `/${seed}`), label, 10_000)),
      label,
    );
    plans.delete(`/${seed}`);
  };
  await inParallel(600, 8, one);
  await Promise.all([ours.close(), theirs.close()]);
});

/** It leaves tabs at the end of a value, which are no part of it. */
function asUndici(told: Told): Told {
  const values = (headers: Told['headers']): Told['headers'] =>
    Object.fromEntries(
      Object.entries(headers).map(([name, list]) => [
        name,
        list.map((value) => value.replace(/[\t ]+$/, '')),
      ]),
    );
  return { ...told, headers: values(told.headers), trailers: values(told.trailers) };
}

/** Calls `one` with each number from 1 to `count`, some at a time. */
async function inParallel(
  count: number,
  width: number,
  one: (number: number) => Promise<void>,
): Promise<void> {
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= count) await one(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

test('answers that are none are errors, and never anything of the next answer', async () => {
  let planned: Planned = { text: '', isClosing: false };
  const good = (path: string): Planned => ({
    text: `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`,
    isClosing: false,
  });
  const { backend, written } = await scripted((path) => (path.startsWith('/bad') ? planned : good(path)));
  await using _backend = backend;
  const origin = `http://127.0.0.1:${backend.port}`;
  const limits = { connectionsPerOrigin: 1, connectTimeoutMs: 5000, idleConnectionMs: 4000 };
  const pool = createPool(origin, limits);
  for (let seed = 1; seed <= 400; seed += 1) {
    planned = spoiltAnswer(seeded(seed));
    const label = `seed ${seed}: ${JSON.stringify(planned.text.slice(0, 2000))}`;
    // The one behind it is there before it is answered, and again when all of it is written.
    const bad = within(ask(pool, 'GET', `/bad${seed}`), label, 10_000);
    const behind = ask(pool, 'GET', `/behind${seed}`);
    await assert.rejects(bad, Error, label);
    assert.equal((await within(behind, label, 10_000)).content, `/behind${seed}`, label);
    await written();
    assert.equal(
      (await within(ask(pool, 'GET', `/after${seed}`), label, 10_000)).content,
      `/after${seed}`,
      label,
    );
  }
  await pool.close();
});

test('through the gateway each of them is a 502, or breaks off', async () => {
  const plans = new Map<string, Planned>();
  const { backend } = await scripted((path) => plans.get(path) ?? assert.fail(path));
  await using _backend = backend;
  await using running = await startGateway({ 'main/all': passTo(backend.port) });
  await inParallel(150, 8, async (seed) => {
    const planned = spoiltAnswer(seeded(seed));
    plans.set(`/${seed}`, planned);
    const label = `seed ${seed}: ${JSON.stringify(planned.text.slice(0, 2000))}`;
    const answer = await exchangeRaw(running.port, `GET /${seed} HTTP/1.1\r\nHost: a\r\n\r\n`).catch(
      (error: Error) => error.message,
    );
    if (typeof answer === 'string') assert.match(answer, /^the connection ended/, label);
    else assert.ok(answer.status === 502 || !answer.isWhole, `${label} got ${answer.status}`);
  });
});
