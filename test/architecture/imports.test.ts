import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { importsOf, readSource, sourceFiles, withoutComments } from './sources.ts';

interface Import {
  readonly file: string;
  /** A path from the top of the checkout, `#sdk...`, `node:...` or a package. */
  readonly to: string;
}

const folders = ['core', 'sdk', 'plugins', 'test', 'examples'];
const files = sourceFiles(...folders);
const imports: Import[] = files.flatMap((file) =>
  importsOf(readSource(file)).map((to) => ({ file, to: to.startsWith('.') ? join(dirname(file), to) : to })),
);

/** A test, or what several tests of a folder share. */
const isTest = (file: string): boolean => /(?:\.test|\.test-d|\/testing|-testing)\.ts$/.test(file);
const isOurs = ({ to }: Import): boolean =>
  to.startsWith('#') ||
  to.startsWith('tapgate') ||
  folders.some((folder) => to.startsWith(`${folder}/`)) ||
  to.startsWith('..');

/** Imports that break a rule, to be read in the failure. */
function broken(from: (file: string) => boolean, isAllowed: (one: Import) => boolean): string[] {
  return imports
    .filter((one) => from(one.file) && !isAllowed(one))
    .map(({ file, to }) => `${file} imports ${to}`);
}

test('the files were seen', () => {
  const count = (folder: string): number => files.filter((file) => file.startsWith(`${folder}/`)).length;
  assert.ok(count('core') >= 40 && count('sdk') >= 30 && count('plugins') >= 12, `${files.length} files`);
  assert.ok(imports.length >= 300, `${imports.length} imports`);
  const withImports = new Set(imports.map(({ file }) => file));
  const without = files.filter((file) => !withImports.has(file));
  assert.ok(without.length < files.length / 5, `nothing was seen in ${without.join(' ')}`);
  assert.ok(imports.some(({ to }) => to === 'tapable') && imports.some(({ to }) => to === '#sdk'));
});

test('imports are seen however they are written', () => {
  const source = `
    import a from 'a';
    import { b,
      type B } from "b";
    import * as c from 'c'
    export * from 'd';
    export { e } from 'e';
    import 'f';
    import type { G } from 'g';
    const h = await import('h');
    // import i from 'i';
    /* import j from 'j'; */
    const text = "import k from 'k'"; const re = /['"\\/*]/; import l from 'l';
    const template = \`import m from 'm' // \${'n'} \`;
    const divided = 4 / 2; // import o from 'o'
    import p from 'p';
  `.replace("; import l from 'l'", ";\nimport l from 'l'");
  assert.deepEqual(importsOf(source).sort(), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'l', 'p']);
  assert.equal(withoutComments("const a = 'x // y'; // z").trimEnd(), "const a = 'x // y';");
});

test('the sdk imports nothing of ours; only sdk/testing runs the kernel', () => {
  const isSdk = (file: string): boolean => file.startsWith('sdk/') && !file.startsWith('sdk/testing/');
  const isWithin = ({ to }: Import): boolean => to.startsWith('sdk/') && !to.startsWith('sdk/testing/');
  const isInTest = ({ file, to }: Import): boolean => isTest(file) && to.startsWith('sdk/testing/');
  assert.deepEqual(
    broken(isSdk, (one) => !isOurs(one) || isWithin(one) || isInTest(one)),
    [],
  );
  const isTesting = (file: string): boolean => file.startsWith('sdk/testing/');
  assert.deepEqual(
    broken(isTesting, (one) => !isOurs(one) || /^(?:sdk|core)\//.test(one.to)),
    [],
  );
});

test('core imports core and the sdk, and no plugin', () => {
  const isCore = (file: string): boolean => file.startsWith('core/');
  const isAllowed = (one: Import): boolean =>
    !isOurs(one) ||
    one.to.startsWith('core/') ||
    /^#sdk(?!\/testing)(?:\/|$)/.test(one.to) ||
    (one.to === '#sdk/testing' && isTest(one.file));
  assert.deepEqual(broken(isCore, isAllowed), []);
});

test('only core can tell fields that were checked from others', () => {
  const isAllowed = ({ file, to }: Import): boolean => to !== '#sdk/fields' || file.startsWith('core/');
  assert.deepEqual(
    broken(() => true, isAllowed),
    [],
  );
});

test('only core and the sdk call functions of C', () => {
  const isAllowed = ({ file, to }: Import): boolean => to !== '#sdk/ffi' || file.startsWith('core/');
  assert.deepEqual(
    broken(() => true, isAllowed),
    [],
  );
});

test('a plugin imports the sdk and its own folder; sdk/testing only in tests', () => {
  const isPlugin = (file: string): boolean => file.startsWith('plugins/');
  const isAllowed = (one: Import): boolean => {
    const [, name = ''] = one.file.split('/');
    if (!isOurs(one) || one.to.startsWith(`plugins/${name}/`)) return true;
    return one.to === '#sdk/testing' ? isTest(one.file) : /^#sdk(?:\/|$)/.test(one.to);
  };
  assert.deepEqual(broken(isPlugin, isAllowed), []);
});

test('only one file each touches the libraries whose habits we hide', () => {
  const users = (library: string): string[] => [
    ...new Set(
      imports
        .filter(({ to, file }) => (to === library || to.startsWith(`${library}/`)) && !isTest(file))
        .map(({ file }) => file),
    ),
  ];
  assert.deepEqual(users('tapable'), ['core/kernel/hooks.ts']);
  // Rules of requests are schemas too.
  const rules = ['plugins/request-parameters/rule.ts', 'plugins/request-validation/validator.ts'];
  const others = { 'js-yaml': [], ajv: rules };
  for (const [library, allowed] of Object.entries(others)) {
    const found = users(library).filter((file) => !file.startsWith('test/'));
    assert.ok(found.length > 0, `nobody imports ${library}`);
    assert.deepEqual(
      found.filter((file) => !file.startsWith('core/config/')),
      allowed,
      library,
    );
  }
});

test('nothing but tests imports a test or from test/', () => {
  const isCode = (file: string): boolean => !isTest(file) && !/^(?:test|examples)\//.test(file);
  assert.deepEqual(
    broken(isCode, ({ to }) => !isTest(to) && !to.startsWith('test/')),
    [],
  );
});
