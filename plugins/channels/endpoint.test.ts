import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { Endpoint } from './endpoint.ts';

const ejection = { failures: 2, seconds: 10 };
const notLast = (): boolean => false;

function ejected(): { endpoint: Endpoint; clock: VirtualClock } {
  const clock = new VirtualClock();
  const endpoint = new Endpoint('10.0.0.1', 80);
  assert.equal(endpoint.failed(clock, ejection, notLast), false);
  assert.equal(endpoint.failed(clock, ejection, notLast), true);
  assert.equal(endpoint.isLive(clock), false);
  return { endpoint, clock };
}

test('an answer in between begins the count of failures anew', () => {
  const clock = new VirtualClock();
  const endpoint = new Endpoint('10.0.0.1', 80);
  for (let round = 0; round < 5; round += 1) {
    assert.equal(endpoint.failed(clock, ejection, notLast), false);
    endpoint.succeeded();
  }
  assert.equal(endpoint.isLive(clock), true);
});

test('after its time one request at a time tries it, until one is answered', () => {
  const { endpoint, clock } = ejected();
  clock.advance(10_000);
  assert.equal(endpoint.isLive(clock), true);
  endpoint.begin();
  assert.equal(endpoint.isLive(clock), false);
  // Its caller went away: nobody knows.
  endpoint.abandoned();
  assert.equal(endpoint.isLive(clock), true);
  endpoint.begin();
  assert.equal(endpoint.failed(clock, ejection, notLast), false, 'it was ejected already');
  assert.equal(endpoint.isLive(clock), false);
  clock.advance(10_000);
  endpoint.begin();
  endpoint.succeeded();
  assert.equal(endpoint.isLive(clock), true);
  endpoint.begin();
  assert.equal(endpoint.isLive(clock), true);
});

test('the last one is not ejected, and returns at once when the others are gone', () => {
  const { endpoint, clock } = ejected();
  clock.advance(10_000);
  endpoint.begin();
  endpoint.failed(clock, ejection, () => true);
  endpoint.begin();
  assert.equal(endpoint.isLive(clock), true, 'for any number of requests');
  assert.equal(endpoint.isEjected, false);
});

test('a clock that is set back makes no ejection longer', () => {
  const { endpoint, clock } = ejected();
  clock.advance(-3_600_000);
  assert.equal(endpoint.isLive(clock), true);
});
