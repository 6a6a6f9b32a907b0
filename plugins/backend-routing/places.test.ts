import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { at, configWith, refusals, withCondition } from './testing.ts';

const operandsExpected = '$name, a quoted text, a number, true, false, null, Random()';

suite('places in a condition', () => {
  const parenthesis = `found ) where ${operandsExpected} is expected`;
  const cases: readonly [name: string, condition: string, place: string][] = [
    ['plain', '1 = )', at(3, 20)],
    ['double quotes', '"1 = )"', at(3, 21)],
    ['single quotes, doubled ones inside', "'''a'' = )'", at(3, 25)],
    ['double quotes, escaped ones inside', '"\\"a\\" = )"', at(3, 25)],
    ['a folded block', '>-\n  1\n  = )', at(5, 9)],
    ['a literal block', '|\n  1 =\n    )', at(5, 9)],
    ['a plain text on two lines', '1 =\n  )', at(4, 7)],
  ];
  for (const [name, condition, place] of cases) {
    test(name, async () => {
      assert.deepEqual(await refusals(configWith(withCondition(condition))), [
        `${place}.routes[0].condition: ${parenthesis}`,
      ]);
    });
  }

  test('the end', async () => {
    const [line = ''] = await refusals(configWith(withCondition('"1 ="')));
    assert.ok(
      line.startsWith(`${at(3, 20)}.routes[0].condition: found the end of the expression where `),
      line,
    );
  });

  test('as an anchor elsewhere', async () => {
    const document = `${withCondition('&c "1 = )"')}  - { name: b, condition: *c, backend: {} }\n`;
    assert.deepEqual(await refusals(configWith(document)), [
      `${at(3, 24)}.routes[0].condition: ${parenthesis}`,
      `${at(3, 24)}.routes[1].condition: ${parenthesis}`,
    ]);
  });

  test('with a secret: neither the place nor the text is shown', async () => {
    const lines = await refusals(configWith(withCondition('"1 = ${env:TOKEN}"')), { TOKEN: 'hunter2' });
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^gateway\.yaml:13:22 .*routes\[0\]\.condition: this is not accepted; /);
    assert.doesNotMatch(lines.join(), /hunter2/);
  });

  test('longer than 512 characters', async () => {
    const long = `"1 = 1${' '.repeat(508)}"`;
    const message = 'the expression has 513 characters, allowed are 512';
    assert.deepEqual(await refusals(configWith(withCondition(long))), [
      `${at(3, 17 + 512)}.routes[0].condition: ${message}`,
    ]);
    assert.deepEqual(await refusals(configWith(withCondition(long.replace(' "', '"')))), []);
  });
});
