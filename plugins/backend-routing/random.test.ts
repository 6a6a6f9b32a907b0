import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import { configWith } from './testing.ts';

/** Repeatable numbers, 0 <= n < 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As Node shows a header: one character a byte. */
const bytesOf = (text: string) => Buffer.from(text).toString('latin1');

type Values = ReadonlyMap<string, string | undefined>;
/** A condition as text, and what it means, worked out without the library. */
interface Sample {
  readonly text: string;
  naive(values: Values): boolean;
}

const parameters = { aa: 'Query:a', bb: 'Header:x-b', cc: 'XFF:-1', dd: 'Parameter:first', me: 'Method' };
const names = Object.keys(parameters);
const texts = [
  '',
  '1',
  '01',
  '1.0',
  '-2',
  '10',
  'A',
  'a',
  'ab',
  '%',
  '10.0.0.1',
  '10.9.9.9',
  '::1',
  'GET',
  'é',
];
const operators = ['=', '==', '<>', '!=', '<', '<=', '>', '>=', 'like', '!like'] as const;
const isNumber = (text: string) => /^-?\d+(\.\d+)?$/.test(text);

function order(left: string, right: string, isNumeric: boolean): number {
  if (isNumeric && isNumber(left) && isNumber(right)) return Math.sign(Number(left) - Number(right));
  return left === right ? 0 : left < right ? -1 : 1;
}

function isLike(text: string, pattern: string): boolean {
  if (pattern === '') return text === '';
  if (!pattern.startsWith('%')) return text[0] === pattern[0] && isLike(text.slice(1), pattern.slice(1));
  return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) =>
    isLike(text.slice(at), pattern.slice(1)),
  );
}

function holds(
  operator: (typeof operators)[number],
  left: string,
  right: string,
  isNumeric: boolean,
): boolean {
  const compared = order(left, right, isNumeric);
  switch (operator) {
    case '=':
    case '==':
      return compared === 0;
    case '<>':
    case '!=':
      return compared !== 0;
    case '<':
      return compared < 0;
    case '<=':
      return compared <= 0;
    case '>':
      return compared > 0;
    case '>=':
      return compared >= 0;
    case 'like':
      return isLike(left, right);
    case '!like':
    default:
      return !isLike(left, right);
  }
}

class Samples {
  readonly #next: () => number;

  constructor(next: () => number) {
    this.#next = next;
  }

  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    return list[Math.floor(this.#next() * list.length)] as T;
  }

  condition(depth: number): Sample {
    const kind = depth === 0 ? 0 : this.#next();
    if (kind < 0.4) return this.#comparison();
    const parts = [this.condition(depth - 1), this.condition(depth - 1)];
    const isOr = kind < 0.7;
    const text = parts.map((part) => `(${part.text})`).join(isOr ? ' or ' : ' and ');
    return {
      text,
      naive: (values) =>
        isOr ? parts.some((part) => part.naive(values)) : parts.every((part) => part.naive(values)),
    };
  }

  #comparison(): Sample {
    const name = this.pick(names);
    const kind = this.#next();
    if (kind < 0.15) {
      const isEqual = this.#next() < 0.5;
      return {
        text: `$${name} ${isEqual ? '=' : '<>'} null`,
        naive: (values) => (values.get(name) === undefined) === isEqual,
      };
    }
    if (kind < 0.25) {
      const text = `$${name} in_cidr '10.0.0.0/8'`;
      return { text, naive: (values) => /^10\.\d+\.\d+\.\d+$/.test(values.get(name) ?? '') };
    }
    const operator = this.pick(operators);
    if (kind < 0.4) {
      const other = this.pick(names);
      return this.#of(
        `$${name} ${operator} \${${other}}`,
        operator,
        name,
        (values) => values.get(other),
        false,
      );
    }
    const literal = this.pick(texts);
    const isNumeric = isNumber(literal) && this.#next() < 0.5;
    const written = isNumeric ? literal : `'${literal}'`;
    // An unquoted number is a number: beside text it is compared as its shortest form.
    const value = isNumeric ? String(Number(literal)) : literal;
    return this.#of(`$${name} ${operator} ${written}`, operator, name, () => value, isNumeric);
  }

  #of(
    text: string,
    operator: (typeof operators)[number],
    name: string,
    right: (values: Values) => string | undefined,
    isNumeric: boolean,
  ): Sample {
    const naive = (values: Values) => {
      const left = values.get(name);
      const other = right(values);
      return left !== undefined && other !== undefined && holds(operator, left, other, isNumeric);
    };
    return { text, naive };
  }
}

test('the route taken is the one that a naive reading of random conditions gives', async () => {
  const samples = new Samples(numbers(20_261_120));
  const taken = new Map<string | undefined, number>();
  for (let round = 0; round < 25; round += 1) {
    const conditions = Array.from({ length: 12 }, () => samples.condition(2)).filter(
      ({ text }) => text.length <= 512,
    );
    const routes = conditions.map(({ text }, index) => ({ name: `r${index}`, condition: text, backend: {} }));
    const gateway = await testGateway({ config: configWith(JSON.stringify({ parameters, routes })) });
    for (let call = 0; call < 20; call += 1) {
      const value = () => (samples.pick([true, true, false]) ? samples.pick(texts) : undefined);
      const [query, header, forwarded] = [value(), value(), samples.pick(texts)];
      const [method, first] = [
        samples.pick(['GET', 'PUT']),
        samples.pick(texts.filter((text) => text !== '')),
      ];
      // An empty entry does not count, so the last is then the one before it.
      const last = forwarded === '' ? '192.0.2.9' : forwarded;
      const values = new Map([
        ['aa', query],
        ['bb', header],
        ['cc', last],
        ['dd', first],
        ['me', method],
      ]);
      const expected = conditions.findIndex((condition) => condition.naive(values));
      const headers = {
        'x-forwarded-for': `192.0.2.9, ${bytesOf(forwarded)}`,
        ...(header === undefined ? {} : { 'x-b': bytesOf(header) }),
      };
      await gateway.request(
        method,
        `/${encodeURIComponent(first)}${query === undefined ? '' : `?a=${encodeURIComponent(query)}`}`,
        { headers },
      );
      const name = gateway.backendRequests.at(-1)?.headers.get('x-ca-routing-name');
      assert.equal(gateway.backendRequests.length, call + 1);
      assert.equal(
        name,
        expected < 0 ? undefined : `r${expected}`,
        JSON.stringify({ values: [...values], conditions: conditions.map(({ text }) => text) }),
      );
      taken.set(name, (taken.get(name) ?? 0) + 1);
    }
  }
  assert.ok(taken.size > 8, 'many routes were taken');
  assert.ok((taken.get('r0') ?? 0) < 400, 'not always the first');
});
