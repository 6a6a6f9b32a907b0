import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SharedPage } from '#sdk';
import { guardedPages } from '../management.ts';
import { counted, sharedPage } from './plan.ts';

const silent = { info() {}, warn() {}, error() {} };

/** What a worker keeps of a page, which it has from a plugin. */
function keptOf(workers: SharedPage): unknown {
  const page = { path: '/p', handle: () => ({ contentType: 'text/plain', body: '' }), workers };
  return counted(sharedPage(guardedPages(new Map([['p', { management: page }]]), silent), '/p'));
}

test('of a worker its share in a page is kept, or what of it the page says must not be lost', () => {
  const page = {
    share: ({ method, query, body }: Parameters<SharedPage['share']>[0]) => [method, [...query], body],
    merge: () => ({ contentType: 'text/plain', body: '' }),
    remains: () => null,
  };
  assert.deepEqual(keptOf(page), ['GET', [], '']);
  assert.equal(keptOf({ ...page, counted: () => 'a part' }), 'a part');
});
