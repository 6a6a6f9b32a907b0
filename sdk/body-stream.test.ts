import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyStream } from './body-stream.ts';
import { Fields } from './fields.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

/** A stream that notes what its producer is asked and what its receiver gets. */
function noted(hasRoom: (text: string, stream: BodyStream) => boolean = () => true) {
  const log: string[] = [];
  const stream: BodyStream = new BodyStream({
    pause: () => log.push('pause'),
    resume: () => log.push('resume'),
    cancel: (reason) => log.push(`cancel ${reason.message}`),
  });
  const pipe = (): void => {
    stream.pipe({
      data(chunk) {
        const text = Buffer.from(chunk).toString();
        log.push(text);
        return hasRoom(text, stream);
      },
      end: (trailers) => log.push(trailers === undefined ? 'end' : `end ${trailers.flat.join('=')}`),
      fail: (error) => log.push(`fail ${error.message}`),
    });
  };
  return { stream, pipe, log };
}

test('what comes before the receiver is held, and delivered in order', () => {
  const { stream, pipe, log } = noted();
  assert.equal(stream.push(bytes('a')), true);
  stream.push(bytes('b'));
  assert.deepEqual(log, []);
  pipe();
  stream.push(bytes('c'));
  stream.end(new Fields(['X', '1']));
  assert.deepEqual(log, ['a', 'b', 'resume', 'c', 'end X=1']);
});

test('the producer is paused once 64 KiB wait for a receiver', () => {
  const { stream, log } = noted();
  assert.equal(stream.push(Buffer.alloc(64 * 1024 - 1)), true);
  assert.deepEqual(log, []);
  assert.equal(stream.push(bytes('x')), false);
  assert.deepEqual(log, ['pause']);
});

test('a full receiver pauses the producer, and gets the rest when it resumes', () => {
  const { stream, pipe, log } = noted((text) => text !== 'b');
  pipe();
  assert.equal(stream.push(bytes('a')), true);
  assert.equal(stream.push(bytes('b')), false);
  // A producer that cannot stop at once loses nothing.
  assert.equal(stream.push(bytes('c')), false);
  stream.push(bytes('d'));
  assert.deepEqual(
    log.filter((each) => each !== 'pause'),
    ['resume', 'a', 'b'],
  );
  stream.resume();
  assert.deepEqual(
    log.filter((each) => each !== 'pause'),
    ['resume', 'a', 'b', 'c', 'd', 'resume'],
  );
  stream.end();
  assert.equal(log.at(-1), 'end');
});

test('a receiver that fills up while held chunks are delivered gets the rest later, then the end', () => {
  const { stream, pipe, log } = noted((text) => text !== 'a' && text !== 'c');
  for (const text of ['a', 'b', 'c']) stream.push(bytes(text));
  stream.end();
  pipe();
  assert.deepEqual(log, ['a']);
  stream.resume();
  // The last chunk filled it, but the end takes no room.
  assert.deepEqual(log, ['a', 'b', 'c', 'end']);
  stream.resume();
  assert.deepEqual(log, ['a', 'b', 'c', 'end']);
});

test('the end is delivered once, however often it is told', () => {
  const { stream, pipe, log } = noted();
  stream.push(bytes('a'));
  stream.end();
  stream.end();
  pipe();
  stream.end();
  stream.resume();
  stream.fail(new Error('late'));
  stream.cancel(new Error('late'));
  stream.push(bytes('late'));
  assert.deepEqual(log, ['a', 'end']);
});

test('an empty body ends at once; empty chunks are no chunks', () => {
  const { stream, pipe, log } = noted();
  stream.push(bytes(''));
  pipe();
  stream.push(bytes(''));
  stream.end();
  assert.deepEqual(log, ['resume', 'end']);
});

test('a complete body is known to be, and can be taken whole', () => {
  const { stream, pipe, log } = noted();
  stream.push(bytes('a'));
  assert.equal(stream.isComplete, false);
  stream.push(bytes('b'));
  stream.end(new Fields(['X', '1']));
  assert.equal(stream.isComplete, true);
  const { chunks, trailers } = stream.take();
  assert.equal(Buffer.concat(chunks).toString(), 'ab');
  assert.deepEqual(trailers?.flat, ['X', '1']);
  pipe();
  assert.deepEqual(log, ['end X=1']);
  assert.equal(stream.isComplete, false);
});

test('a failed or cancelled body is not complete', () => {
  const failed = noted().stream;
  failed.fail(new Error('x'));
  failed.end();
  assert.equal(failed.isComplete, false);
  const cancelled = noted().stream;
  cancelled.end();
  cancelled.cancel(new Error('x'));
  assert.equal(cancelled.isComplete, false);
});

test('a failure is delivered once, before or after the receiver comes, and drops what was held', () => {
  const early = noted();
  early.stream.push(bytes('a'));
  early.stream.fail(new Error('broken'));
  early.stream.fail(new Error('again'));
  early.pipe();
  assert.deepEqual(early.log, ['fail broken']);
  const late = noted((text) => text !== 'a');
  late.pipe();
  late.stream.push(bytes('a'));
  late.stream.push(bytes('b'));
  late.stream.fail(new Error('broken'));
  late.stream.resume();
  late.stream.end();
  late.stream.push(bytes('c'));
  assert.deepEqual(
    late.log.filter((each) => each !== 'pause'),
    ['resume', 'a', 'fail broken'],
  );
});

test('a receiver that cancels gets nothing more, and the producer is told once', () => {
  const { stream, pipe, log } = noted();
  pipe();
  stream.push(bytes('a'));
  stream.cancel(new Error('gone'));
  stream.cancel(new Error('again'));
  stream.push(bytes('b'));
  stream.end();
  stream.fail(new Error('late'));
  stream.resume();
  assert.deepEqual(log, ['resume', 'a', 'cancel gone']);
});

test('cancelled after the body has ended but before it is delivered: nothing more comes, and nobody is left to tell', () => {
  const { stream, pipe, log } = noted((text) => text !== 'a');
  stream.push(bytes('a'));
  stream.push(bytes('b'));
  stream.end();
  pipe();
  stream.cancel(new Error('gone'));
  stream.resume();
  assert.deepEqual(log, ['a']);
});

test('cancelled from within data: neither more data nor the end', () => {
  const { stream, pipe, log } = noted((_text, self) => {
    self.cancel(new Error('enough'));
    return true;
  });
  stream.push(bytes('a'));
  stream.push(bytes('b'));
  stream.end();
  pipe();
  assert.deepEqual(log, ['a']);
  const live = noted((_text, self) => {
    self.cancel(new Error('enough'));
    return false;
  });
  live.pipe();
  live.stream.push(bytes('a'));
  live.stream.push(bytes('b'));
  live.stream.end();
  assert.deepEqual(live.log, ['resume', 'a', 'cancel enough']);
});

test('a receiver may resume from within data, and is then not full', () => {
  const { stream, pipe, log } = noted((_text, self) => {
    self.resume();
    return false;
  });
  stream.push(bytes('a'));
  stream.push(bytes('b'));
  pipe();
  assert.equal(stream.push(bytes('c')), true);
  stream.end();
  assert.deepEqual(
    log.filter((each) => each !== 'resume'),
    ['a', 'b', 'c', 'end'],
  );
});

test('a producer may push and end from within resume and within data, in order', () => {
  const log: string[] = [];
  const rest = ['b', 'c', 'd'];
  const stream: BodyStream = new BodyStream({
    resume() {
      const next = rest.shift();
      if (next === undefined) stream.end();
      else stream.push(bytes(next));
    },
  });
  stream.push(bytes('a'));
  stream.pipe({
    data(chunk) {
      const text = Buffer.from(chunk).toString();
      log.push(`<${text}`);
      if (text === 'a') stream.push(bytes('A'));
      log.push(`${text}>`);
      return false;
    },
    end: () => log.push('end'),
    fail: () => log.push('fail'),
  });
  for (let count = 0; count < 10; count++) stream.resume();
  assert.deepEqual(log, ['<a', 'a>', '<A', 'A>', '<b', 'b>', '<c', 'c>', '<d', 'd>', 'end']);
});

test('a second receiver is a defect', () => {
  const { pipe } = noted();
  pipe();
  assert.throws(pipe, /has a receiver already/);
});

test('whatever the order of calls, the receiver gets a prefix of the chunks and at most one ending', () => {
  let seed = 20240607;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  for (let round = 0; round < 2000; round++) {
    const got: string[] = [];
    const endings: string[] = [];
    const sent: string[] = [];
    let isPiped = false;
    let isCancelled = false;
    const stream: BodyStream = new BodyStream({
      resume: () => {
        if (random(3) === 0) act(random(4));
      },
    });
    const act = (what: number): void => {
      if (what <= 1) {
        const text = String(sent.length);
        if (endings.length === 0) sent.push(text);
        stream.push(bytes(text));
      } else if (what === 2 && random(6) === 0) stream.end();
      else if (what === 3) stream.resume();
      else if (what === 4 && random(8) === 0) stream.fail(new Error('x'));
      else if (what === 5 && random(8) === 0) {
        isCancelled = true;
        stream.cancel(new Error('x'));
      } else if (what === 6 && !isPiped) {
        isPiped = true;
        stream.pipe({
          data(chunk) {
            assert.equal(endings.length, 0);
            assert.equal(isCancelled, false);
            got.push(Buffer.from(chunk).toString());
            if (random(5) === 0) act(random(6));
            return random(2) === 0;
          },
          end: () => endings.push('end'),
          fail: () => endings.push('fail'),
        });
      }
    };
    for (let step = 0; step < 30; step++) act(random(7));
    assert.deepEqual(got, sent.slice(0, got.length));
    assert.ok(endings.length <= 1);
  }
});
