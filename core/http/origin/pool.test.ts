import assert from 'node:assert/strict';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { type Connect, connector } from './connect.ts';
import { OriginPool } from './pool.ts';

/** A server of raw sockets, and a pool of connections to it. */
async function open(serve: (socket: Socket, index: number) => void, connections = 8, idleMs = 10_000) {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket, sockets.push(socket) - 1);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  const connectTo = connector(5000);
  const connect: Connect = (to, receive, callback) =>
    connectTo(to, receive, (...result) => {
      if (result[1] !== null) clients.push(result[1]);
      callback(...result);
    });
  const pool = new OriginPool(`http://127.0.0.1:${port}`, {
    connections,
    idleMs,
    maxHeadBytes: 10_000,
    connect,
  });
  return {
    pool,
    sockets,
    clients,
    async [Symbol.asyncDispose]() {
      await pool.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Outcome {
  readonly status: number;
  readonly text: string;
  readonly error: (Error & { code?: string }) | undefined;
}

interface Watch {
  readonly options?: Partial<Dispatcher.DispatchOptions>;
  readonly started?: (controller: Dispatcher.DispatchController) => void;
  readonly answered?: (controller: Dispatcher.DispatchController, status: number) => void;
}

/** Sends a request; comes back when it has ended in one way, and fails when it ends in two. */
function send(pool: OriginPool, { options = {}, started, answered }: Watch = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let text = '';
    let endings = 0;
    const end = (error?: Error): void => {
      endings += 1;
      if (endings > 1) reject(new Error('ended twice'));
      else setImmediate(() => resolve({ status, text, error }));
    };
    pool.dispatch(
      { method: 'GET', path: '/', headers: ['Host', 'a'], body: null, ...options },
      {
        onRequestStart: (controller) => started?.(controller),
        onAnswerHead(controller, head) {
          if (head.status >= 200) ({ status } = head);
          answered?.(controller, head.status);
        },
        onResponseData: (_controller, chunk) => void (text += chunk.toString()),
        onAnswerEnd: () => end(),
        onAnswerError: (error) => end(error),
      },
    );
  });
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Answers each request without content; `answer` says with what, by the number of the connection and of the request. */
function answering(answer: (connection: number, request: number) => string) {
  return (socket: Socket, connection: number): void => {
    let seen = '';
    let requests = 0;
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      for (let end = seen.indexOf('\r\n\r\n'); end >= 0; end = seen.indexOf('\r\n\r\n')) {
        seen = seen.slice(end + 4);
        socket.write(answer(connection, requests), 'latin1');
        requests += 1;
      }
    });
  };
}

test('a connection is used again, one request at a time', async () => {
  await using server = await open(
    answering(() => ok),
    1,
  );
  const all = await Promise.all(Array.from({ length: 20 }, () => send(server.pool)));
  assert.ok(all.every(({ status, text }) => status === 200 && text === 'ok'));
  assert.equal(server.sockets.length, 1);
});

test('an answer that nobody asked for is given to nobody', async () => {
  // In the same packet as the answer before, or a moment later: the next request must not get it.
  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
  await using server = await open(
    answering((connection) => (connection === 0 ? ok + poison : ok)),
    1,
  );
  const all = await Promise.all([send(server.pool), send(server.pool), send(server.pool)]);
  assert.deepEqual(
    all.map(({ text, error }) => [text, error]),
    Array.from({ length: 3 }, () => ['ok', undefined]),
  );
  assert.equal(server.sockets.length, 2);
});

test('bytes on an idle connection close it', async () => {
  await using server = await open(answering(() => ok));
  await send(server.pool);
  const [socket] = server.sockets;
  const closed = new Promise((resolve) => {
    socket?.once('close', resolve);
  });
  socket?.write('HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n');
  await closed;
  assert.equal((await send(server.pool)).text, 'ok');
});

test('a request that was not begun goes to another connection when its own is lost', async () => {
  await using server = await open(answering(() => ok));
  await send(server.pool);
  await new Promise((resolve) => setImmediate(resolve));
  const again = send(server.pool);
  // It has the idle connection, and is sent in the next turn of the event loop.
  server.clients[0]?.destroy();
  assert.deepEqual(await again, { status: 200, text: 'ok', error: undefined });
  assert.equal(server.sockets.length, 2);
});

test('an answer that breaks off is an error that tells how much had come before', async () => {
  await using server = await open((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe'));
  });
  const { error, text } = await send(server.pool);
  assert.deepEqual([text, error?.code], ['he', 'UND_ERR_SOCKET']);
  assert.ok((error as unknown as { socket: { bytesRead: number } }).socket.bytesRead > 0);
});

test('given up before it is sent, a request costs no connection', async () => {
  await using server = await open(
    answering(() => ok),
    1,
  );
  await send(server.pool);
  const gone = await send(server.pool, {
    started: () => {
      throw new Error('nobody wants it');
    },
  });
  assert.equal(gone.error?.message, 'nobody wants it');
  assert.equal((await send(server.pool)).text, 'ok');
  assert.equal(server.sockets.length, 1);
});

test('those that gave up while they waited hold up nobody', async () => {
  await using server = await open(
    answering(() => ok),
    1,
  );
  const leave = {
    started: () => {
      throw new Error('late');
    },
  };
  const first = send(server.pool);
  const late = Array.from({ length: 1000 }, () => send(server.pool, leave));
  let turns = 0;
  const count = (): void => {
    turns += 1;
    turning = setImmediate(count);
  };
  await first;
  let turning = setImmediate(count);
  const last = await send(server.pool);
  clearImmediate(turning);
  assert.equal(last.text, 'ok');
  assert.ok((await Promise.all(late)).every(({ error }) => error?.message === 'late'));
  assert.ok(turns < 500, `${turns} turns of the event loop`);
  assert.equal(server.sockets.length, 1);
});

test('given up while its answer comes, it takes its connection along, and ends once', async () => {
  await using server = await open(
    answering((connection) =>
      connection === 0 ? 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello' : ok,
    ),
  );
  const reason = new Error('enough');
  const { error } = await send(server.pool, { answered: (controller) => controller.abort(reason) });
  assert.equal(error, reason);
  assert.equal((await send(server.pool)).text, 'ok');
  assert.equal(server.sockets.length, 2);
});

test('a paused answer goes on where it stopped', async () => {
  const half = 'x'.repeat(200_000);
  await using server = await open((socket) => {
    socket.once('data', () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${half.length * 2}\r\n\r\n${half}${half}`),
    );
  });
  const { text, error } = await send(server.pool, {
    answered: (controller) => {
      controller.pause();
      setTimeout(() => controller.resume(), 20);
    },
  });
  assert.deepEqual([text.length, error], [half.length * 2, undefined]);
});

test('content that is shorter or longer than it was announced is never whole to the server', async () => {
  for (const pieces of [['abc'], ['abc', 'defgh']]) {
    let seen = '';
    await using server = await open((socket) =>
      socket.on('data', (chunk: Buffer) => void (seen += chunk.toString())),
    );
    const body = (async function* () {
      for (const piece of pieces) yield await Promise.resolve(Buffer.from(piece));
    })();
    const { error } = await send(server.pool, {
      options: {
        method: 'POST',
        headers: ['Host', 'a', 'Content-Length', '5'],
        body: body as unknown as Dispatcher.DispatchOptions['body'] & {},
      },
    });
    assert.equal(error?.code, 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH');
    assert.ok(!seen.endsWith('abcdefgh') && !/\r\n\r\n.{5}/.test(seen));
  }
});

test('an answer that comes before all of the request was taken is the last of its connection', async () => {
  await using server = await open((socket, index) => {
    if (index > 0) answering(() => ok)(socket, index);
    else socket.once('data', () => socket.write('HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n'));
  });
  const body = (async function* () {
    yield await Promise.resolve(Buffer.from('some'));
    await new Promise(() => undefined);
  })();
  const early = await send(server.pool, {
    options: { method: 'POST', body: body as unknown as Dispatcher.DispatchOptions['body'] & {} },
  });
  assert.equal(early.status, 413);
  assert.equal((await send(server.pool)).text, 'ok');
  assert.equal(server.sockets.length, 2);
});

test('an answer that began before all of the request was taken is the last one, too', async () => {
  let finish = (): void => undefined;
  await using server = await open((socket, index) => {
    if (index > 0) answering(() => ok)(socket, index);
    else {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString('latin1').endsWith('0\r\n\r\n')) socket.write('ok');
        if (chunk.toString('latin1').startsWith('GET')) socket.destroy();
      });
    }
  }, 1);
  const body = (async function* () {
    yield await Promise.resolve(Buffer.from('some'));
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    yield Buffer.from('more');
  })();
  const early = await send(server.pool, {
    options: { method: 'POST', body: body as unknown as Dispatcher.DispatchOptions['body'] & {} },
    answered: () => finish(),
  });
  assert.deepEqual([early.status, early.text], [200, 'ok']);
  assert.equal((await send(server.pool)).text, 'ok');
  assert.equal(server.sockets.length, 2);
});

test('closed, the pool finishes what it has, and keeps nothing', async () => {
  await using server = await open(
    answering(() => ok),
    1,
  );
  const all = [send(server.pool), send(server.pool)];
  await server.pool.close();
  assert.deepEqual(
    (await Promise.all(all)).map(({ text }) => text),
    ['ok', 'ok'],
  );
  const [socket] = server.sockets;
  if (socket?.destroyed === false)
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
});

test('who cannot be connected to is told so, and whoever waits tries for itself', async () => {
  const server = await open(() => undefined, 1);
  const { pool } = server;
  await server[Symbol.asyncDispose]();
  const all = await Promise.all([send(pool), send(pool), send(pool)]);
  assert.deepEqual(
    all.map(({ error }) => error?.code),
    ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'],
  );
});

/** Content whose only piece comes when it is given. */
function heldBack(): { readonly body: Dispatcher.DispatchOptions['body'] & {}; readonly give: () => void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  const body = (async function* () {
    await given;
    yield Buffer.from('some');
  })();
  return { body: body as unknown as Dispatcher.DispatchOptions['body'] & {}, give };
}

for (const [name, leave] of [
  ['closes', (socket: Socket) => socket.end()],
  ['is reset', (socket: Socket) => socket.resetAndDestroy()],
  ['is told to be late', (socket: Socket) => socket.write('HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n')],
] as const)
  test(`content that is awaited while its connection ${name} goes out on another one`, async () => {
    const got: string[] = [];
    await using server = await open((socket, index) => {
      if (index === 0) answering(() => ok)(socket, index);
      else
        socket.on('data', (chunk: Buffer) => {
          got.push(chunk.toString('latin1'));
          if (got.join('').endsWith('0\r\n\r\n')) socket.write(ok);
        });
    }, 1);
    await send(server.pool);
    const { body, give } = heldBack();
    let starts = 0;
    const asked = send(server.pool, {
      options: { method: 'POST', body },
      started: () => {
        starts += 1;
        const [first] = server.sockets;
        if (starts === 1 && first !== undefined) leave(first);
        else give();
      },
    });
    assert.deepEqual(await asked, { status: 200, text: 'ok', error: undefined });
    assert.equal(server.sockets.length, 2);
    assert.match(got.join(''), /^POST [^]*\r\n\r\n4\r\nsome\r\n0\r\n\r\n$/);
  });

test('content that fails while it is awaited takes no connection but its own along', async () => {
  await using server = await open(answering(() => ok));
  await Promise.all([send(server.pool), send(server.pool), send(server.pool)]);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const body = (async function* () {
    yield* [];
    throw new Error('the source');
  })();
  const asked = await send(server.pool, {
    options: { method: 'POST', body: body as unknown as Dispatcher.DispatchOptions['body'] & {} },
  });
  assert.equal(asked.error?.message, 'the source');
  assert.equal(server.clients.filter(({ destroyed }) => destroyed).length, 1);
});

test('what came before any byte of a request was sent is no answer to it', async () => {
  await using server = await open((socket, index) => {
    if (index === 0) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    else answering(() => ok)(socket, index);
  });
  const { body, give } = heldBack();
  const { status, error } = await send(server.pool, { options: { method: 'POST', body } });
  give();
  assert.deepEqual([status, error?.message], [0, 'bytes that nobody asked for']);
  assert.equal((await send(server.pool)).text, 'ok');
});

for (const [name, bytes] of [
  ['a length', ok],
  ['the end of the connection', 'HTTP/1.1 200 OK\r\n\r\nok'],
] as const)
  test(`who fails at the end of an answer, by ${name}, is told, and harms nobody`, async () => {
    await using server = await open((socket, index) => {
      if (index > 0) answering(() => ok)(socket, index);
      else socket.once('data', () => socket.end(bytes));
    });
    const failed = new Promise<Error>((resolve) => {
      server.pool.dispatch(
        { method: 'GET', path: '/', headers: ['Host', 'a'], body: null },
        {
          onRequestStart: () => undefined,
          onAnswerHead: () => undefined,
          onResponseData: () => undefined,
          onAnswerEnd: () => {
            throw new Error('its own');
          },
          onAnswerError: resolve,
        },
      );
    });
    assert.equal((await failed).message, 'its own');
    assert.equal((await send(server.pool)).text, 'ok');
  });

test('who asks for another protocol gets a connection of its own, where all places are taken as well', async () => {
  const release: (() => void)[] = [];
  await using server = await open((socket) => {
    let seen = '';
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      if (!seen.endsWith('\r\n\r\n')) return;
      const isHeld = seen.startsWith('GET /held');
      const answer = seen.includes('Upgrade: websocket')
        ? 'HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nfirst'
        : ok;
      seen = '';
      if (isHeld) release.push(() => socket.write(answer));
      else socket.write(answer);
    });
  }, 1);
  const switched = (): Promise<string> =>
    new Promise((resolve, reject) => {
      server.pool.dispatch(
        { method: 'GET', path: '/', headers: ['Host', 'a'], body: null, upgrade: 'websocket' },
        {
          onRequestStart: () => undefined,
          onAnswerHead: () => reject(new Error('it was answered')),
          onResponseData: () => undefined,
          onAnswerEnd: () => undefined,
          onAnswerError: reject,
          onSwitched: (_flat, socket) => {
            socket.once('data', (chunk: Buffer) => {
              socket.destroy();
              resolve(chunk.toString());
            });
            socket.resume();
          },
        },
      );
    });
  assert.equal((await send(server.pool)).text, 'ok');
  // The only place is an idle connection's.
  assert.equal(await switched(), 'first');
  const held = send(server.pool, { options: { path: '/held' } });
  while (release.length === 0) await new Promise((resolve) => setImmediate(resolve));
  // The only place is that of a connection with a request on it, and another request waits, too.
  const waiting = [switched(), send(server.pool)] as const;
  release[0]?.();
  assert.equal((await held).text, 'ok');
  assert.equal(await waiting[0], 'first');
  assert.equal((await waiting[1]).text, 'ok');
});
