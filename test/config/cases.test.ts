import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../core/config/read.ts';
import { ConfigError } from '../../core/config/problems.ts';
import { Gateway } from '../../core/gateway.ts';
import '../../core/plugins/resolve-sdk.ts';

/*
 * Each `cases/*.yaml`, and each folder of such files in `cases/`, is a configuration; the `.txt` of the same name is
 * what an operator is told about it. Adding a case is adding a file: `UPDATE=1 node --test test/config/cases.test.ts`
 * writes what is said now, to be read before it is committed.
 */
const folder = join(import.meta.dirname, 'cases');
const isUpdate = process.env['UPDATE'] === '1';

/** Stands for the process's environment. None of these values may ever be printed. */
const env = {
  TOKEN: 'hunter2-token',
  PORT_TEXT: 'hunter2-port',
  HOST_TEXT: 'hunter2 host',
  KIND: 'hunter2-kind',
};

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What grows with every plugin is left out of the texts: a new plugin is one folder and no other edit. */
const namesOfPlugins =
  /^(\S+ (?:\w+|apis\.[^.\s]+\.\w+): unknown field; allowed: |.*no plugin is called "[^"]*"; allowed: )[^;\n]*/gm;

async function told(path: string): Promise<string> {
  try {
    const { snapshot } = await new Gateway({ log: silent }).build(readConfig(path, env));
    snapshot.retire();
    return 'no problems\n';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Where the checkout lies is no part of what is told.
    const text = `${error.message}\n`.replaceAll(`${folder}/`, '').replaceAll(join(folder, '..'), '..');
    return text.replace(namesOfPlugins, '$1...');
  }
}

const cases = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() || entry.name.endsWith('.yaml'))
  .map(({ name }) => name);

test('there are cases, and each text has one', () => {
  assert.ok(cases.length >= 40, `${cases.length} cases found`);
  const texts = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  const expected = cases.map((name) => `${name.replace(/\.yaml$/, '')}.txt`);
  assert.deepEqual(
    texts.filter((name) => !expected.includes(name)),
    [],
    'texts without a configuration',
  );
});

for (const name of cases) {
  test(name, async () => {
    const path = join(folder, name);
    const expectedPath = path.replace(/(?:\.yaml)?$/, '.txt');
    const text = await told(path);
    for (const value of Object.values(env)) assert.ok(!text.includes(value), 'a secret is printed');
    const lines = text.trimEnd().split('\n');
    assert.equal(new Set(lines).size, lines.length, 'a line is told twice');
    if (isUpdate) writeFileSync(expectedPath, text);
    else if (!existsSync(expectedPath))
      assert.fail(`${relative('.', expectedPath)} is missing; UPDATE=1 writes it`);
    assert.equal(text, readFileSync(expectedPath, 'utf8'));
  });
}
