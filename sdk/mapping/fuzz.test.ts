import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomNumbers } from '../expressions/random-numbers.ts';
import { testGateway } from '../testing/index.ts';
import { hasDotSegment, isFieldValue } from './bytes.ts';
import { RawQuery } from './query.ts';

const pieces = [
  'a',
  'v',
  'V',
  '=',
  '&',
  '%',
  '%76',
  '%2e',
  '.',
  '..',
  '/',
  '%2F',
  '\\',
  '%0d',
  '%0A',
  '+',
  '%C3%A9',
  '%ff',
  '%',
  '?',
  ';',
  '%00',
];

/** Repeatable whole numbers below a limit. */
function below(seed: number): (limit: number) => number {
  const next = randomNumbers(seed);
  return (limit) => Math.floor(next() * limit);
}

test('a query is taken apart without loss, whatever it holds', () => {
  const random = below(20_261);
  for (let round = 0; round < 5000; round += 1) {
    const text = Array.from({ length: random(20) }, () => pieces[random(pieces.length)]).join('');
    const query = new RawQuery(text);
    assert.equal(query.without(new Set()).join('&'), text.split('&').filter(Boolean).join('&'));
    const left = new RawQuery(query.without(new Set(['v'])).join('&'));
    assert.equal(left.has('v'), false, text);
  }
});

test('whatever a caller sends, a mapped value stays in its place or is refused', async () => {
  const gateway = await testGateway({
    config: {
      throttling: { defaultPerSecond: 0 },
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'GET', path: '/', parameters: [{ name: 'v', in: 'query' }] },
          auth: 'none',
          backend: {
            type: 'http',
            address: 'http://backend',
            path: '/base/{v}/end',
            parameters: [
              { name: 'v', in: 'path', from: 'request.v' },
              { name: 'q', in: 'query', from: 'request.v' },
              { name: 'x-v', in: 'header', from: 'request.v' },
            ],
          },
        },
      },
    },
  });
  const random = below(20_262);
  const statuses = new Set<number>();
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: random(8) }, () => pieces[random(pieces.length)]).join('');
    const before = gateway.backendRequests.length;
    const { status } = await gateway.request('GET', `/?v=${text}`);
    statuses.add(status);
    const request = gateway.backendRequests[before];
    assert.equal(request === undefined, status === 400, text);
    if (request === undefined) continue;
    assert.match(request.path, /^\/base\/[^/?#\\\s]+\/end$/, text);
    assert.equal(hasDotSegment(request.path), false, text);
    assert.match(request.rawQuery, /^[\x21-\x7e]*$/, text);
    for (const [name, value] of request.headers)
      assert.equal(isFieldValue(value), true, `${name} of ${text}`);
  }
  assert.deepEqual(statuses, new Set([200, 400]));
});
