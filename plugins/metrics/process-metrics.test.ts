import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import { countedFigures, processFigures } from './process-metrics.ts';
import { scrape } from './testing.ts';

test('what must not go back is what the last scrape was told of it', async () => {
  // Nothing is asked of the process, or begun, before there was one.
  assert.deepEqual(countedFigures(), []);
  const figures = await processFigures();
  const told = figures.filter(({ type }) => String(type) === 'counter' || String(type) === 'histogram');
  assert.ok(told.some(({ name }) => name === 'process_cpu_seconds_total'));
  assert.deepEqual(countedFigures(), told);
  assert.ok(told.length < figures.length);
});

test('delays of the event loop are those since the scrape before', async () => {
  const gateway = await testGateway({ config: { management: { port: 0 }, metrics: {}, apis: {} } });
  await scrape(gateway);
  const end = performance.now() + 10_000;
  let mean = NaN;
  // The loop has to turn a few times until there is a delay.
  while (!(mean > 0) && performance.now() < end) {
    await pause(50);
    mean = (await scrape(gateway)).value('nodejs_eventloop_lag_mean_seconds') ?? NaN;
  }
  assert.ok(mean > 0 && mean < 10, `${mean} s`);
});
