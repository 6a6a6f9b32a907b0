import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { type Connect, connector } from '../../core/http/origin/connect.ts';
import { OriginPool } from '../../core/http/origin/pool.ts';
import { type Backend, rawBackend } from './support/backend.ts';
import { generator } from './support/random.ts';
import { until, within } from './support/within.ts';

type Random = (below: number) => number;

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

function seeded(seed: number): Random {
  const random = generator(seed * 31 + 7);
  for (let warm = 0; warm < 8; warm += 1) random(2);
  return random;
}

/** What the server does with a request; the path says so. */
const fates = ['answer', 'answer', 'answer', 'chunks', 'close', 'die', 'hang', 'early'];
/** When the request is given up. */
const moments = ['never', 'never', 'never', 'throw', 'start', 'piece', 'begun', 'head', 'data', 'late'];

/** Answers each request with its own path, as that tells it to. */
function server(seen: string[]): Promise<Backend> {
  return rawBackend((socket, index) => {
    const random = seeded(index);
    let text = '';
    let isAnswered = false;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const path = /^\S+ (\S+)/.exec(text)?.[1] ?? '';
      const isChunked = /\r\ntransfer-encoding: chunked/i.test(text.slice(0, end));
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      const isWhole = isChunked ? text.endsWith('\r\n0\r\n\r\n') : text.length >= end + 4 + length;
      if (!isAnswered && (isWhole || path.endsWith('early'))) {
        seen.push(path);
        void answer(socket, path, random);
      }
      isAnswered = !isWhole && (isAnswered || path.endsWith('early'));
      if (isWhole) text = '';
    });
  });
}

async function answer(socket: Socket, path: string, random: Random): Promise<void> {
  if (path.endsWith('hang')) return;
  if (path.endsWith('die')) {
    if (random(2) === 0) socket.destroy();
    else socket.resetAndDestroy();
    return;
  }
  const framed = path.endsWith('chunks')
    ? `Transfer-Encoding: chunked\r\n\r\n${path.length.toString(16)}\r\n${path}\r\n0\r\n\r\n`
    : `Content-Length: ${path.length}\r\n\r\n${path}`;
  const bytes = `HTTP/1.1 200 OK\r\n${framed}`;
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random(40);
    socket.write(bytes.slice(at, at + size));
    at += size;
    if (random(3) === 0) await turn();
  }
  if (path.endsWith('close')) socket.end();
}

/** Content in some pieces, at some pace; `open` counts the sources that nobody has ended. */
function source(random: Random, open: { count: number }): AsyncIterable<Uint8Array> {
  let left = random(6);
  let isDone = false;
  const finish = (): IteratorResult<Uint8Array> => {
    if (!isDone) open.count -= 1;
    isDone = true;
    return { done: true, value: undefined };
  };
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    if (random(2) === 0) await turn();
    if (isDone || left === 0) return finish();
    left -= 1;
    if (random(30) === 0) {
      finish();
      throw new Error('the source');
    }
    return { done: false, value: Buffer.alloc(random(2000)) };
  };
  return {
    [Symbol.asyncIterator]() {
      open.count += 1;
      return { next, return: () => Promise.resolve(finish()) };
    },
  };
}

/** Sends one request and gives it up at its moment; comes back with its end. */
function send(pool: OriginPool, seed: number, open: { count: number }, problems: string[]): Promise<string> {
  const random = seeded(seed);
  const fate = fates[random(fates.length)] ?? '';
  const moment = moments[random(moments.length)] ?? '';
  const path = `/${seed}-${moment}-${fate}`;
  const content = [null, Buffer.alloc(random(100)), Buffer.alloc(300_000), source(random, open)];
  const body = content[fate === 'early' ? 3 : random(4)] as Dispatcher.DispatchOptions['body'] & {};
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let text = '';
    let isOver = false;
    const late = fate === 'hang' || moment === 'late';
    // Again and again: a request that waits has nobody to give it up to.
    const timer = late ? setInterval(() => controller?.abort(new Error('late')), random(10)) : undefined;
    const told = (at: string): void => {
      if (isOver) problems.push(`${path}: ${at} after the end`);
      if (at === moment) controller?.abort(new Error(at));
    };
    const end = (how: string): void => {
      told(how);
      isOver = true;
      clearInterval(timer);
      if (how === 'end' && text !== path) problems.push(`${path} got ${text}`);
      resolve(how);
    };
    pool.dispatch(
      { method: body === null ? 'GET' : 'POST', path, headers: ['Host', 'a'], body },
      {
        onRequestStart(given) {
          controller = given;
          if (moment === 'throw') throw new Error('throw');
          told('start');
        },
        onBodySent: () => told('piece'),
        onResponseStarted: () => told('begun'),
        onAnswerHead(given) {
          told('head');
          if (random(3) > 0) return;
          given.pause();
          setTimeout(() => given.resume(), random(4));
        },
        onResponseData(_given, chunk) {
          text += chunk.toString('latin1');
          told('data');
        },
        onAnswerEnd: () => end('end'),
        onAnswerError: (error) => end(error.message),
      },
    );
  });
}

test('given up at any moment, requests end once, harm no other, and leave nothing behind', async () => {
  const seen: string[] = [];
  await using backend = await server(seen);
  const clients = new Set<Socket>();
  const connectTo = connector(5000);
  const connect: Connect = (to, receive, callback) =>
    connectTo(to, receive, (...result) => {
      const [, socket] = result;
      if (socket !== null) clients.add(socket.on('close', () => clients.delete(socket)));
      callback(...result);
    });
  const limits = { connections: 5, idleMs: 200, maxHeadBytes: 10_000, connect };
  const pool = new OriginPool(`http://127.0.0.1:${backend.port}`, limits);
  const problems: string[] = [];
  const open = { count: 0 };
  const endings = new Set<string>();
  let most = 0;
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= 2000) {
      const seed = next++;
      endings.add(await within(send(pool, seed, open, problems), `request ${seed}`));
      most = Math.max(most, clients.size);
    }
  };
  await Promise.all(Array.from({ length: 30 }, worker));
  assert.deepEqual(problems.slice(0, 10), []);
  for (const ending of ['end', 'throw', 'start', 'piece', 'begun', 'head', 'data', 'late'])
    assert.ok(endings.has(ending), `none ended with ${ending}`);
  assert.ok(most <= 5 + 5, `${most} connections at once`);
  // Without being asked for once more, none was sent twice.
  assert.equal(new Set(seen).size, seen.length);
  await until(() => clients.size === 0, 'the idle connections were closed');
  await until(() => open.count === 0, `${open.count} sources were ended`);
  await pool.close();
});
