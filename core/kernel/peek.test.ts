import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BodyStream, Fields, Reply } from '#sdk';
import type { Exchange } from './exchange.ts';
import { Inbound } from './inbound.ts';

const nobody: Partial<Exchange> = {};

function inboundOf(body: Reply['body'], headers: readonly string[] = []): Inbound {
  return new Inbound(nobody as Exchange, new Reply(200, new Fields([...headers]), body), 'backend');
}

/** What a caller would get, and how it ended. */
function drain({ body }: Inbound): Promise<string> {
  if (!(body instanceof BodyStream)) return Promise.resolve(`${String(body)}|whole`);
  return new Promise((resolve) => {
    let text = '';
    body.pipe({
      data: (chunk) => {
        text += Buffer.from(chunk).toString();
        return true;
      },
      end: (trailers) => resolve(`${text}|${trailers?.get('x-sum') ?? 'whole'}`),
      fail: ({ message }) => resolve(`${text}|${message}`),
    });
  });
}

suite('peekBody', () => {
  test('a whole body, and the answer goes on with its trailers', async () => {
    const stream = new BodyStream();
    const inbound = inboundOf(stream);
    const peeked = inbound.peekBody(4);
    for (const chunk of ['ab', 'cd']) stream.push(Buffer.from(chunk));
    stream.end(new Fields(['x-sum', '7']));
    assert.equal((await peeked)?.toString(), 'abcd');
    assert.equal((await inbound.peekBody(4))?.toString(), 'abcd');
    assert.equal(await drain(inbound), 'abcd|7');
  });

  test('a larger one goes on as it comes', async () => {
    const asked: string[] = [];
    const stream = new BodyStream({ pause: () => asked.push('pause'), resume: () => asked.push('resume') });
    const inbound = inboundOf(stream);
    const peeked = inbound.peekBody(3);
    stream.push(Buffer.from('ab'));
    stream.push(Buffer.from('cd'));
    assert.equal(await peeked, undefined);
    assert.equal(asked.at(-1), 'pause');
    const drained = drain(inbound);
    assert.equal(asked.at(-1), 'resume');
    stream.push(Buffer.from('ef'));
    stream.end();
    assert.equal(await drained, 'abcdef|whole');
  });

  test('an announced length is believed, and nothing is waited for', async () => {
    const stream = new BodyStream();
    const inbound = inboundOf(stream, ['Content-Length', '5']);
    assert.equal(await inbound.peekBody(4), undefined);
    assert.equal(inbound.body, stream);
  });

  test('what breaks off goes on breaking off, and a receiver that leaves is told to the backend', async () => {
    const broken = new BodyStream();
    const inbound = inboundOf(broken);
    const peeked = inbound.peekBody(9);
    broken.push(Buffer.from('ab'));
    broken.fail(new Error('cut'));
    assert.equal(await peeked, undefined);
    assert.match(await drain(inbound), /\|cut$/);

    const left: string[] = [];
    const stream = new BodyStream({ cancel: ({ message }) => left.push(message) });
    const other = inboundOf(stream);
    const looked = other.peekBody(1);
    stream.push(Buffer.from('ab'));
    await looked;
    other.setBody('mine');
    assert.deepEqual(left, ['the answer got another body']);
  });

  test('bodies that are no streams', async () => {
    assert.equal((await inboundOf('text').peekBody(4))?.toString(), 'text');
    assert.equal(await inboundOf('text').peekBody(3), undefined);
    assert.equal((await inboundOf(Buffer.from('b')).peekBody(3))?.toString(), 'b');
    assert.equal((await inboundOf(null).peekBody(0))?.length, 0);
  });
});
