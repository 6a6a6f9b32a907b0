import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Frame, FrameReader, encodeFrame } from './frames.ts';

const sent: readonly Frame[] = [
  { head: { type: 'a' }, text: '' },
  { head: { type: 'b', id: 1 }, text: 'é€😀\n\0' },
  { head: {}, text: 'x'.repeat(70_000) },
];

for (const size of [1, 7, 8, 9, 1000, 1_000_000]) {
  test(`frames come whole out of pieces of ${size} bytes`, () => {
    const bytes = Buffer.concat(sent.map(({ head, text }) => encodeFrame(head, text)));
    const received: Frame[] = [];
    const reader = new FrameReader((frame) => received.push(frame));
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    assert.deepEqual(received, sent);
  });
}

test('what is no frame is refused, and not waited for', () => {
  const reader = new FrameReader(() => assert.fail('received'));
  assert.throws(() => reader.push(Buffer.alloc(16, 0xff)), /impossible length/);
  const longHead = Buffer.from([4, 0, 0, 0, 5, 0, 0, 0]);
  assert.throws(() => new FrameReader(() => undefined).push(longHead), /impossible length/);
  const noObject = Buffer.concat([Buffer.from([1, 0, 0, 0, 1, 0, 0, 0]), Buffer.from('1')]);
  assert.throws(() => new FrameReader(() => undefined).push(noObject), /without a head/);
});
