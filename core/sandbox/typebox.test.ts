import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Options, Secret, Type } from '#sdk';

const cases: Readonly<Record<string, (type: typeof Type) => unknown>> = {
  object: (T) =>
    T.Object({ a: T.Optional(T.String()), b: T.Integer({ minimum: 1 }) }, { additionalProperties: false }),
  'nothing required': (T) => T.Object({ a: T.Optional(T.Boolean({ default: true })) }),
  union: (T) => T.Union([T.Literal('a'), T.Literal(1), T.Literal(true), T.Null()], { description: 'x' }),
  record: (T) => T.Record(T.String(), T.Integer()),
  'record with a pattern': (T) =>
    T.Record(T.String({ pattern: '^a' }), T.Number(), { additionalProperties: false }),
  array: (T) => T.Array(T.String({ maxLength: 3 }), { minItems: 1 }),
  tuple: (T) => T.Tuple([T.String(), T.Any()]),
  unknown: (T) => T.Unknown({ description: 'x' }),
  enum: (T) => T.Enum(['a', 'b']),
  unsafe: (T) => T.Unsafe<string>({ type: 'string', enum: ['x'] }),
  partial: (T) => T.Partial(T.Object({ a: T.String() })),
  required: (T) => T.Required(T.Object({ a: T.Optional(T.String()) })),
  pick: (T) => T.Pick(T.Object({ a: T.String(), b: T.Optional(T.String()) }), ['b']),
  omit: (T) => T.Omit(T.Object({ a: T.String(), b: T.Optional(T.String()) }), ['b']),
  intersect: (T) => T.Intersect([T.Object({ a: T.String() }), T.Object({ b: T.String() })]),
  nested: (T) => T.Object({ a: T.Object({ b: T.Optional(T.Array(T.Object({ c: T.String() }))) }) }),
};

const substitute = (await import(new URL('inside/typebox.js', import.meta.url).href)) as {
  Type: typeof Type;
};

for (const [name, make] of Object.entries(cases)) {
  test(`the builders of a sandbox make the schemas of typebox: ${name}`, () => {
    assert.deepEqual(
      JSON.parse(JSON.stringify(make(substitute.Type))),
      JSON.parse(JSON.stringify(make(Type))),
    );
  });
}

test('what the sdk adds needs nothing else', () => {
  const words = Object.keys({ ...Options({ a: Secret() }) });
  assert.ok(words.includes('properties'));
  assert.throws(
    () => (substitute.Type as unknown as { Transform(): void }).Transform(),
    /allowed: Any, Unknown/,
  );
});
