import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceError, compileProgram } from './program.ts';

const readable: readonly (readonly [source: string, file: string, kind: string, code?: string])[] = [
  ['exports.handler = () => 1', 'a.js', 'commonjs'],
  ['#!/usr/bin/env node\nexports.a = 1', 'a.cjs', 'commonjs'],
  ['export const handler = () => 1', 'a.js', 'module'],
  ['const a = 1; export { a as handler }', 'a.js', 'module'],
  ['const handler = () => 1', 'a.mjs', 'module'],
  ['exports.a = (x: number): number => x', 'a.ts', 'commonjs', 'exports.a = (x        )         => x'],
  ['export const a: string = "x"', 'a.mts', 'module', 'export const a         = "x"'],
];
for (const [source, file, kind, code = source] of readable) {
  test(`reads ${file}: ${JSON.stringify(source)}`, () => {
    assert.deepEqual(compileProgram(source, file), { name: file, kind, code: code.replace(/^#!/, '//') });
  });
}

const wrong: readonly (readonly [source: string, file: string, message: RegExp, line: number | undefined])[] =
  [
    ['\nexports.a = = 1', '/dir/a.js', /Unexpected token '='/, 2],
    ['export const = 1', 'a.mjs', /Unexpected|Expected/, undefined],
    ['export const a = {', 'a.cjs', /Unexpected token 'export'/, 1],
    ['enum A { B }', 'a.ts', /enum is not supported/, undefined],
  ];
for (const [source, file, message, line] of wrong) {
  test(`refuses ${file}: ${JSON.stringify(source)}`, () => {
    assert.throws(
      () => compileProgram(source, file),
      (error) => error instanceof SourceError && message.test(error.message) && error.line === line,
    );
  });
}
