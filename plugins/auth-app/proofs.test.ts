import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields } from '#sdk';
import { Proofs } from './proofs.ts';

const proofs = new Proofs(['x-ca-key', 'x-ca-nonce', 'x-sdk-date']);

const left = (...names: string[]): string[] => {
  const headers = new Fields(names.flatMap((name, index) => [name, String(index)]));
  proofs.deleteFrom(headers);
  return [...headers].map(([name, value]) => `${name}:${value}`);
};

test('proofs are taken out in any letter case, wherever they stand and as often as they do', () => {
  assert.deepEqual(left(), []);
  assert.deepEqual(left('X-Ca-Key'), []);
  assert.deepEqual(left('x-ca-key', 'X-CA-KEY', 'X-Sdk-Date', 'x-ca-nonce', 'x-ca-key'), []);
  assert.deepEqual(left('a', 'X-Sdk-Date', 'x-ca-nonce', 'b', 'x-sdk-date', 'X-Ca-Nonce', 'c'), [
    'a:0',
    'b:3',
    'c:6',
  ]);
});

test('what is only like a proof stays', () => {
  const names = ['x-ca-kez', 'x-ca-key-', 'x-ca-ke', 'x-sdk-dat', 'y-sdk-date', '', 'x'.repeat(500)];
  assert.deepEqual(
    left(...names),
    names.map((name, index) => `${name}:${index}`),
  );
});
