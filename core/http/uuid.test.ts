import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newUuid } from './uuid.ts';

const uuids = Array.from({ length: 5000 }, () => newUuid());

test('a UUID is one of version 4', () => {
  for (const uuid of uuids)
    assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('no two are the same, over many batches', () => {
  assert.equal(new Set(uuids).size, uuids.length);
});

test('every digit that is not fixed takes every value, about as often as the others', () => {
  for (let place = 0; place < 36; place += 1) {
    if ([8, 13, 14, 18, 23].includes(place)) continue;
    const counts = new Map<string, number>();
    for (const uuid of uuids) counts.set(uuid.charAt(place), (counts.get(uuid.charAt(place)) ?? 0) + 1);
    const values = place === 19 ? 4 : 16;
    assert.equal(counts.size, values);
    // Ten standard deviations: by chance not once in the life of this test.
    const expected = uuids.length / values;
    for (const count of counts.values())
      assert.ok(Math.abs(count - expected) < 10 * Math.sqrt(expected), `${place}: ${count}`);
  }
});
