import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields, reply } from '#sdk';
import { compileRules } from './rules.ts';
import { mayStore } from './storable.ts';
import { whatIsSaid } from './terms.ts';
import { trial } from './testing.ts';
import type { Config } from './options.ts';

/** The same numbers each time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const forbidding = [
  'private',
  'no-store',
  'Private',
  'NO-STORE',
  'private=""',
  'private="a b"',
  'private, private="x"',
  'no-store="x"',
  'private=x y',
];
const allowing = [
  'max-age=60',
  's-maxage=60',
  'public',
  'must-revalidate',
  'immutable',
  'stale-while-revalidate=60',
  'max-age="60"',
  'max-age=60, max-age=60',
];
const junk = [
  '',
  ' ',
  ',',
  ',,',
  '=',
  ';',
  ' ;',
  '\t',
  'a b',
  'x="a\\"b"',
  "'",
  '\\',
  '=1',
  'max-age',
  '"q"',
  '%',
  'x=',
  'é',
];

/** A field that forbids sharing somewhere outside of a quoted string, among much else. */
function forbiddingField(random: (below: number) => number): string {
  const pick = (from: readonly string[]): string => from[random(from.length)] ?? '';
  const parts = Array.from({ length: random(6) }, () => pick([...allowing, ...junk]));
  parts.splice(random(parts.length + 1), 0, pick(forbidding));
  return parts.map((part) => part + pick(['', '', ' ', '\t'])).join(pick([',', ', ', ',,', ' , ', ';', ' ']));
}

const rules = compileRules({
  lifetimes: [{ seconds: 60 }],
  heuristic: { percent: 10, maxSeconds: 60 },
  targetedFields: ['CDN-Cache-Control'],
} as unknown as Config);

test('whatever else stands beside it, what forbids sharing is never shared', () => {
  const random = generator(9111);
  for (let turn = 0; turn < 50_000; turn += 1) {
    const text = forbiddingField(random);
    for (const name of ['Cache-Control', 'CDN-Cache-Control']) {
      const fields = Fields.from({
        [name]: text,
        ...(name === 'Cache-Control' ? {} : { 'Cache-Control': 'max-age=60' }),
      });
      assert.equal(
        mayStore(200, fields, whatIsSaid(fields, rules.targetedFields), false, rules),
        false,
        `${name}: ${text}`,
      );
    }
  }
});

test('a quote that is left open anywhere never hides what forbids sharing', () => {
  const random = generator(5861);
  for (let turn = 0; turn < 50_000; turn += 1) {
    const text = forbiddingField(random);
    const at = random(text.length + 1);
    const broken = `${text.slice(0, at)}"${text.slice(at)}`;
    // A second quote further on makes a string of what stands between, which then says nothing.
    if (broken.split('"').length % 2 === 1) continue;
    const fields = new Fields(['Cache-Control', broken]);
    assert.equal(mayStore(200, fields, whatIsSaid(fields, []), false, rules), false, broken);
  }
});

test('bytes of any kind in the fields that a cache reads break nothing', async () => {
  const random = generator(7);
  const noise = (): string =>
    Array.from({ length: random(40) }, () =>
      String.fromCharCode([9, 32, 34, 42, 44, 61, 92, 45, 48, 97, 109, 255][random(12)] ?? 32),
    ).join('');
  const names = [
    'cache-control',
    'cdn-cache-control',
    'vary',
    'age',
    'date',
    'expires',
    'last-modified',
    'etag',
    'pragma',
    'content-location',
  ];
  const { get } = await trial(() =>
    reply(200, Object.fromEntries(names.filter(() => random(2) === 0).map((name) => [name, noise()])), 'x'),
  );
  const asked = ['cache-control', 'if-none-match', 'if-modified-since', 'range', 'if-range', 'pragma', 'foo'];
  for (let turn = 0; turn < 2000; turn += 1) {
    const headers = Object.fromEntries(asked.filter(() => random(3) === 0).map((name) => [name, noise()]));
    const { status } = await get(`/${random(20)}`, headers);
    assert.ok([200, 206, 304, 416, 504].includes(status), String(status));
  }
});
