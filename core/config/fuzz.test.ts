import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { load } from 'js-yaml';
import { Known } from './known.ts';
import { type ConfigText, readConfigText, readListed } from './read.ts';
import { resolveScalar } from './scalars.ts';
import { atOnce } from './steps.ts';
import { random, visit } from './testing.ts';

const BASE = `defaults: &d { auth: none, tags: [a, "b", 'c'] }
apis:
  shop/get: &g
    <<: *d
    path: "/x/\${env:NAME}"
    port: \${env:PORT:-80}
    body: |
      text \${file:key}
    list:
    - one
    - { k: v, <<: [*d] }
  shop/put: *g
? long
: !!str 5
`;
const PIECES = [
  '&a ',
  '*a ',
  '*d',
  '<<: ',
  '<<: *d\n',
  '!!int ',
  '!x ',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ': ',
  '- ',
  '? ',
  '|\n',
  '>-\n',
  '#',
  '\n',
  '\r',
  '\t',
  '  ',
  '---\n',
  '...\n',
  '%TAG ! x\n',
  '${env:',
  '${file:key}',
  '$${env:X}',
  '}',
  '__proto__: 1\n',
  '\uFEFF',
  '\0',
  '😀',
  '\uD800',
  '~',
  '1e999',
  '\\x',
];

function mutate(text: string, next: (below: number) => number, most: number): string {
  let result = text;
  for (let step = next(most) + 1; step > 0; step -= 1) {
    const at = next(result.length + 1);
    const end = next(3) === 0 ? at + next(20) : at;
    const piece =
      next(4) === 0
        ? result.slice(next(result.length + 1)).slice(0, next(30))
        : (PIECES[next(PIECES.length)] ?? '');
    result = result.slice(0, at) + piece + result.slice(end);
  }
  return result;
}

test('mutated YAML gives problems, never an exception, and every value has a place', () => {
  for (let seed = 1; seed <= 4000; seed += 1) {
    const text = mutate(BASE, random(seed), 6);
    const { root, locate, problems } = readConfigText({ 'a.yaml': text, key: 'k' }, { NAME: 'n' });
    const lines = text.split(/\r\n?|\n/);
    const inside = (at: { line: number; column: number } | undefined): boolean =>
      at !== undefined && at.column >= 1 && at.column <= (lines[at.line - 1] ?? '').length + 1;
    for (const problem of problems) assert.ok(inside(problem.at), `seed ${seed}: ${problem.message}`);
    visit(root, [], (path) => {
      assert.ok(inside(locate.positionOf(path)), `seed ${seed}: ${path.join('.')}`);
      assert.ok(inside(locate.positionOf(path, { key: true })), `seed ${seed}: key ${path.join('.')}`);
    });
  }
});

test('what js-yaml refuses is refused, and the rest has the same values', () => {
  let compared = 0;
  for (let seed = 1; seed <= 2000; seed += 1) {
    const text = mutate('a: 1\nb: [c, {d: "e"}]\nf:\n  g: |\n    h\n  i: !!str j\n', random(seed), 2);
    const { root, problems } = readConfigText({ 'a.yaml': text, key: 'k' }, {});
    let expected: unknown;
    try {
      expected = load(text.replace(/^\uFEFF/, ''));
    } catch {
      // A merge is not part of the schema that `load` is asked for here.
      if (!text.includes('<<')) assert.notEqual(problems.length, 0, `seed ${seed}: ${text}`);
      continue;
    }
    let isComparable = problems.length === 0 && !/<<|\$\{/.test(text);
    visit(root, [], (path) => {
      // Keys are texts as written here, whereas js-yaml resolves them first.
      const name = String(path.at(-1) ?? 'root');
      if (!/^\d$/.test(name) && resolveScalar(name) !== name) isComparable = false;
    });
    if (!isComparable) continue;
    compared += 1;
    assert.deepEqual(structuredClone(root), expected, `seed ${seed}: ${text}`);
  }
  assert.ok(compared > 100, `${compared} compared`);
});

const ENTRIES = `apis:
  g/a: { x: 1, y: [b, c] }
  g/b: &b
    text: |
      one
  g/c: !!map { k: "\${env:NAME}" }
  g/d: *b
  g/e:
  - x: foo
list:
- a: b
- [c, { d: e }]
pairs: [ a: b, { c: d } ]
`;

/** By section and name. */
function entriesOf({ root }: ConfigText): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [section, all] of Object.entries(root)) {
    const isWhole = typeof all !== 'object' || all === null;
    if (isWhole) entries.set(`${section}\0`, inspect(all));
    else
      for (const [name, each] of Object.entries(all))
        entries.set(`${section}\0${name}`, inspect(each, { depth: 99 }));
  }
  return entries;
}

test('whatever a file is changed to, what is known of it gives the same values, and tells what is another', () => {
  let compared = 0;
  for (let seed = 1; seed <= 3000; seed += 1) {
    const next = random(seed);
    const known = new Known();
    const read = (text: string, ...more: [Known?]): ConfigText => {
      const files = { listed: ['a.yaml'], unlisted: [] };
      return atOnce(readListed('.', files, { NAME: 'n' }, () => text, ...more));
    };
    let before = new Map<string, string>();
    let text = ENTRIES;
    let last: object | undefined;
    for (let step = 0; step < 3; step += 1) {
      const [fresh, mine] = [read(text), read(text, known)];
      const where = `seed ${seed}, step ${step}: ${text}`;
      assert.deepEqual(mine.root, fresh.root, where);
      assert.deepEqual(mine.problems, fresh.problems, where);
      if (fresh.problems.length > 0) break;
      const now = entriesOf(fresh);
      const { id, changes } = mine.reading ?? assert.fail('nothing was compared');
      // A secret file, which is not there, has all forgotten.
      if (changes.since !== last && step > 0) break;
      last = id;
      for (const place of new Set([...before.keys(), ...now.keys()])) {
        const [section = '', name = ''] = place.split(/\0(.*)/s, 2);
        const told = changes.names.get(section);
        const isTold = [undefined, name, Number(name)].some((each) => told?.has(each));
        if (!isTold) assert.equal(before.get(place), now.get(place), `${place}, ${where}`);
        if (!isTold && step > 0) compared += 1;
      }
      before = now;
      text = mutate(text, next, 1);
    }
  }
  assert.ok(compared > 2000, `${compared} compared`);
});

test('a file cut short anywhere never throws', () => {
  for (let end = 0; end <= BASE.length; end += 1) {
    const { problems } = readConfigText({ 'a.yaml': BASE.slice(0, end), key: 'k' }, { NAME: 'n' });
    if (end === 0 || end === BASE.length) assert.equal(problems.length, end === 0 ? 1 : 0);
  }
});
