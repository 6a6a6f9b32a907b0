import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { type Home, PlainConnection } from './connection.ts';
import type { PlainAnswer } from './answer.ts';

/** A caller's socket whose end takes as long as that of an encrypted one may. */
class SlowToEnd extends Duplex {
  readonly sent: string[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.sent.push(chunk.toString('latin1'));
    done();
  }

  override _final(): void {}

  setTimeout(): void {}

  destroySoon(): void {
    this.end();
  }
}

test('what comes behind the last request of a connection is not served', async () => {
  const served: { target: string; answer: PlainAnswer }[] = [];
  const home: Home = {
    keptSeconds: 5,
    secure: () => null,
    serve: ({ target }, answer) => served.push({ target, answer }),
    handOver: () => assert.fail('handed over'),
    forget: () => undefined,
  };
  const socket = new SlowToEnd();
  const connection = new PlainConnection(socket as unknown as Socket, home);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  socket.push('GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await turn();
  assert.deepEqual(
    served.map(({ target }) => target),
    ['/last'],
  );
  connection.send('HTTP/1.1 204 No Content\r\n\r\n');
  await turn();
  await turn();
  assert.equal(socket.sent.length, 1);
  assert.ok(socket.writableEnded);
  socket.push('POST /behind HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  await turn();
  assert.equal(served.length, 1);
  socket.destroy();
});
