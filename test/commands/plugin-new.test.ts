import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFolder, run, write } from './cli.ts';

const options = ['required', 'mark'];

test('plugin new: its test passes at once, its page and what is printed load', async () => {
  const cwd = newFolder();
  const made = await run(['plugin', 'new', 'first-one', '--dir', 'mine'], { cwd });
  assert.deepEqual({ code: made.code, stderr: made.stderr }, { code: 0, stderr: '' });
  const folder = join(cwd, 'mine/first-one');
  assert.deepEqual(readdirSync(folder).sort(), ['README.md', 'plugin.test.ts', 'plugin.ts']);

  const tested = await run(['test', folder], { cwd: newFolder() });
  assert.equal(tested.code, 0, tested.stdout);
  assert.match(tested.stdout, /pass 3\b/);
  assert.match(tested.stdout, /first-one: /);

  const page = readFileSync(join(folder, 'README.md'), 'utf8');
  assert.match(page, /^# first-one\n/);
  for (const option of options) assert.match(page, new RegExp(`\`${option}\``));
  const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
  write(folder, { 'gateway.yaml': yaml });
  const checked = await run(['check', '-c', join(folder, 'gateway.yaml')]);
  assert.equal(checked.code, 0, checked.stderr);

  const [, lines = ''] = /^(extensions:\n[^]*?)\n\n/m.exec(made.stdout) ?? [];
  const api =
    'groups: { g: { domains: ["*"] } }\napis: { g/a: { request: { method: GET, path: / }, auth: none, backend: { type: mock } } }\n';
  write(cwd, { 'gateway.yaml': `${api}${lines}\n` });
  const explained = await run(['explain', '-c', 'gateway.yaml', 'GET', 'http://a/'], { cwd });
  assert.match(explained.stdout, /^preAuth\n {2}first-one \(mine\)/m, explained.stderr);

  const listed = await run(['plugins', '-c', 'gateway.yaml'], { cwd });
  for (const option of options)
    assert.match(listed.stdout, new RegExp(`^ {2}option {3}${option}: string, default`, 'm'));
});

test('plugin new: a bad name, or a folder that is there, is refused, and nothing is written', async () => {
  const cwd = newFolder();
  mkdirSync(join(cwd, 'there'));
  const wrong: [string[], RegExp][] = [
    [['new', 'Upper'], /words in lower case/],
    [['new', '../up'], /words in lower case/],
    [['new', 'a_b'], /words in lower case/],
    [['new', 'a'.repeat(65)], /64 characters/],
    [['new', 'true'], /YAML takes that for a value/],
    [['new', 'fine', '--dir', '/dev/null'], /cannot be written: ENOTDIR/],
    [['new', 'cors'], /a plugin of the gateway is called that/],
    [['new', 'auth-mine'], /makes it an authenticator/],
    [['new', 'backend-mine'], /makes it a backend/],
    [['new', 'there'], /"there" is there already; nothing was written/],
    [['new'], /the name is missing/],
    [['new', 'a', 'b'], /one name, found "a b"/],
    [['nwe', 'a'], /allowed: new; did you mean "new"\?/],
    [[], /allowed: new/],
  ];
  const runs = await Promise.all(
    wrong.map(async ([args, expected]) => ({ expected, ...(await run(['plugin', ...args], { cwd })) })),
  );
  for (const { code, stderr, stdout, expected } of runs) {
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, expected);
  }
  assert.deepEqual(readdirSync(cwd), ['there']);
  assert.ok(!existsSync(join(cwd, '../up')));
});
