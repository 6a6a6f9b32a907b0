import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figureCount, histogramOf, place } from './figures.ts';
import { type State, sum } from './state.ts';

const figures = (entries: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: figureCount }, (_, at) => entries[at] ?? 0);

const state = (factor: number): State => ({
  apis: [
    { api: 'g/a', environment: 'RELEASE', figures: figures({ [place.classes + 1]: factor }) },
    { api: `g/${factor}`, environment: 'RELEASE', figures: figures({ [place.cut]: factor }) },
  ],
  refusals: { throttled: factor, [`only-${factor}`]: 1 },
  handlers: [{ plugin: 'p', hook: 'auth', calls: factor, seconds: factor / 10 }],
  isolates: [
    { function: 'f', busy: factor, idle: 1, waiting: 0, calls: factor, faults: { timeout: factor } },
  ],
  inFlight: factor,
});

test('the states of several workers, as JSON passes them on, add up', () => {
  const states = [1, 20, 300].map((factor) => JSON.parse(JSON.stringify(state(factor))) as State);
  const total = sum(states);
  const byName = new Map(total.apis.map(({ api, figures: counted }) => [api, counted]));
  assert.deepEqual([...byName.keys()], ['g/a', 'g/1', 'g/20', 'g/300']);
  assert.equal(byName.get('g/a')?.[place.classes + 1], 321);
  assert.equal(byName.get('g/20')?.[place.cut], 20);
  assert.deepEqual(total.refusals, { throttled: 321, 'only-1': 1, 'only-20': 1, 'only-300': 1 });
  assert.equal(total.inFlight, 321);
  const [handler] = total.handlers;
  assert.deepEqual([total.handlers.length, handler?.calls], [1, 321]);
  assert.ok(Math.abs((handler?.seconds ?? 0) - 32.1) < 1e-9);
  assert.deepEqual(total.isolates, [
    { function: 'f', busy: 321, idle: 3, waiting: 0, calls: 321, faults: { timeout: 321 } },
  ]);
});

test('one state adds up to itself, and none to nothing', () => {
  assert.deepEqual(sum([state(1)]), state(1));
  assert.deepEqual(sum([]), { apis: [], refusals: {}, handlers: [], isolates: [], inFlight: 0 });
});

test('a histogram is told cumulatively, in seconds', () => {
  const { sumSeconds, cumulative, count } = histogramOf(
    figures({ [place.backend]: 2500, [place.backend + 1]: 2, [place.backend + 3]: 5, [figureCount - 1]: 1 }),
    place.backend,
  );
  assert.equal(sumSeconds, 2.5);
  assert.deepEqual(cumulative.slice(0, 4), [2, 2, 7, 7]);
  assert.deepEqual([cumulative.at(-2), cumulative.at(-1), count], [7, 8, 8]);
});
