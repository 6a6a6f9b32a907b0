import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSource, sourceFiles, withoutComments } from './sources.ts';

/** What the kernel (core/kernel and core/plugins) may grow to: what does not fit is a plugin. */
const kernelLimit = 3_800;
/** All of core/, with what reads configurations, speaks HTTP and shares counts through Redis and memory, and sees to workers; see core/README.md. */
const coreLimit = 16_000;
const longFile = 300;

const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.endsWith('/testing.ts');

/** Lines with something on them that is no comment. */
function linesOfCode(file: string): number {
  return withoutComments(readSource(file))
    .split('\n')
    .filter((line) => line.trim() !== '').length;
}

test('comments and blanks are no lines of code, and comment marks in texts are no comments', () => {
  const source =
    '// one\n\n/* two\nthree */\nconst a = "/*"; // four\nconst b = `//\n*/`;\nconst c = /\\/\\*/;\n';
  const lines = withoutComments(source)
    .split('\n')
    .filter((line) => line.trim() !== '');
  assert.equal(lines.length, 4);
});

/** Lines of code below folders, without tests. */
function sizeOf(...folders: string[]): number {
  const files = sourceFiles(...folders).filter((file) => !isTest(file));
  assert.ok(files.length >= 15, `${files.length} files`);
  const total = files.reduce((sum, file) => sum + linesOfCode(file), 0);
  assert.ok(total > 1_000, 'too few to be true');
  return total;
}

test(`the kernel has at most ${kernelLimit} lines of code`, (t) => {
  const total = sizeOf('core/kernel', 'core/plugins');
  t.diagnostic(`the kernel has ${total} lines of code`);
  assert.ok(total <= kernelLimit, `${total} lines of code`);
});

test(`core/ does not grow beyond ${coreLimit} lines of code`, (t) => {
  const total = sizeOf('core');
  t.diagnostic(`core/ has ${total} lines of code`);
  assert.ok(total <= coreLimit, `${total} lines of code`);
});

test('long files are told', (t) => {
  for (const file of sourceFiles('core', 'sdk', 'plugins', 'test', 'examples')) {
    const lines = readSource(file).split('\n').length - 1;
    if (lines > longFile && !isTest(file)) t.diagnostic(`${file} has ${lines} lines`);
  }
});
