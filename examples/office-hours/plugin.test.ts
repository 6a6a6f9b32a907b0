import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock, testPlugin } from 'tapgate/sdk/testing';
import plugin from './plugin.ts';

const noon = Date.UTC(2026, 10, 20, 12);
const source = new URL('plugin.ts', import.meta.url);

for (const place of ['in process', 'in a sandbox']) {
  test(`office hours, ${place}`, async (t) => {
    const clock = new VirtualClock(noon);
    const gateway = await testPlugin(plugin, {
      config: { opens: 9, closes: 17 },
      clock,
      ...(place === 'in process' ? {} : { sandbox: source }),
    });
    t.after(() => gateway.close());

    const open = await gateway.request('GET', '/anything');
    assert.equal(open.status, 200);
    assert.equal(open.headers.get('x-office'), 'open until 17:00 UTC');

    clock.advance(6 * 3_600_000);
    const closed = await gateway.request('GET', '/anything');
    assert.equal(closed.status, 403);
    assert.equal(gateway.backendRequests.length, 1, 'the backend saw the first call only');
  });
}
