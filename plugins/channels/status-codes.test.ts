import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStatusCodes } from './status-codes.ts';

test('status codes and ranges of them', () => {
  const good = readStatusCodes('200, 201,210-299 ,404');
  assert.ok(typeof good === 'function');
  for (const status of [200, 201, 210, 250, 299, 404]) assert.ok(good(status), String(status));
  for (const status of [100, 202, 209, 300, 403, 405, 500]) assert.ok(!good(status), String(status));
});

for (const [text, offset] of [
  ['', 0],
  ['200,', 4],
  ['20', 0],
  ['200,600', 4],
  ['099', 0],
  ['200-', 0],
  ['200,300-299', 4],
  ['200;201', 0],
  ['2xx', 0],
  ['200-299-300', 0],
] as const) {
  test(`not a list of status codes: "${text}"`, () => {
    const wrong = readStatusCodes(text);
    assert.ok('message' in wrong);
    assert.equal(wrong.offset, offset);
  });
}
