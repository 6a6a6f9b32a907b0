import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRequestId } from './request-ids.ts';

test('request ids are random UUIDs, no two alike', () => {
  const ids = Array.from({ length: 2000 }, newRequestId);
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Set(ids).size, ids.length);
  // What may be any digit is every digit somewhere.
  for (let place = 0; place < 36; place += 1) {
    if (place === 8 || place === 13 || place === 14 || place === 18 || place === 23) continue;
    assert.equal(new Set(ids.map((id) => id[place])).size, place === 19 ? 4 : 16, `place ${place}`);
  }
});
