import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reply } from '#sdk';
import { replyOf } from './answer.ts';

const base64 = (body: string): unknown => replyOf({ statusCode: 200, body, isBase64Encoded: true });

test('base64 may have lines and padding; anything else is told', () => {
  for (const text of ['', 'aGk=', 'aGk', 'aG\r\nk=\r\n', 'aGk= \t\n'])
    assert.ok(base64(text) instanceof Reply, text);
  for (const text of ['aGk===', 'a=Gk', 'a Gk', 'aGk=!', 'é'])
    assert.equal(base64(text), '"body" is not base64', text);
});

test('a function cannot keep the gateway busy with a body that is nearly base64', () => {
  for (const piece of ['\n', 'a', '=', ' ']) {
    const before = performance.now();
    assert.equal(base64(`${piece.repeat(200_000)}!`), '"body" is not base64');
    const ms = performance.now() - before;
    // Milliseconds; minutes where the time grows with the square of the length.
    assert.ok(ms < 5000, `${ms} ms for ${JSON.stringify(piece)}`);
  }
});
