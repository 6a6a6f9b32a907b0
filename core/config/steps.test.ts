import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKeeping } from './copies.ts';
import { type ConfigText, readConfig } from './read.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapgate-steps-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const apis = Array.from(
  { length: 2000 },
  (_, index) =>
    `  shop/a${index}:\n    <<: *d\n    request: { method: GET, path: "/a${index}/\\u00e9" }\n    backend: { type: http, body: 'it''s ${index}', key: "\${env:KEY}" }\n`,
).join('');
const long = `defaults: &d { auth: none, tags: [a, "b"] }\napis:\n${apis}`;

const files: Readonly<Record<string, string>> = {
  long,
  'long, CRLF': long.replaceAll('\n', '\r\n'),
  'long, with problems': `${long}  shop/a7: 1\n  shop/z: *unknown\n  shop/y: !x 1\n`,
  'long, not YAML': `${long}  shop/z: [1, 2\n`,
  'two documents': `${long}---\na: 1\n`,
  'a block that ends the file': `${long}text: >-\n  folded\n  lines\n`,
  short: 'a: [1, &x {b: c}, *x]\n',
  empty: '# nothing\n',
};

function shown({ root, locate, problems, hashes, files: read }: ConfigText): unknown {
  const places = Object.entries(root).flatMap(([section, value]) =>
    [[section], ...Object.keys(value ?? {}).map((name) => [section, name])].flatMap((path) => [
      locate.positionOf(path),
      locate.positionOf(path, { key: true }),
      locate.positionOf([...path, 'backend', 'body'], { offset: 5 }),
      locate.isSecret([...path, 'backend']),
    ]),
  );
  return { root, places, problems, hashes, read };
}

for (const [name, text] of Object.entries(files)) {
  test(`read in slices and by a thread is what is read at once: ${name}`, async () => {
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, text);
    const env = { KEY: 'a secret' };
    assert.deepEqual(shown(await readKeeping(file, env)), shown(readConfig(file, env)));
  });
}

test('several files that are read in slices are one configuration', async () => {
  const below = join(folder, 'several');
  mkdirSync(below);
  writeFileSync(join(below, 'a.yaml'), long);
  writeFileSync(join(below, 'b.yaml'), 'apis: { shop/b: 1, shop/a1: 2 }\n');
  const env = { KEY: 'a secret' };
  const read = await readKeeping(below, env);
  assert.equal(read.problems.length, 1);
  assert.deepEqual(shown(read), shown(readConfig(below, env)));
});

test('requests are served while two thousand APIs are read', async () => {
  const file = join(folder, 'many.yaml');
  writeFileSync(file, `apis:\n${apis.replaceAll('    <<: *d\n', '')}`);
  let turns = 0;
  let isReading = true;
  const turn = (): void => {
    turns += 1;
    if (isReading) setImmediate(turn);
  };
  setImmediate(turn);
  await readKeeping(file, { KEY: 'k' });
  isReading = false;
  assert.ok(turns > 10, `the loop turned ${turns} times`);
});
