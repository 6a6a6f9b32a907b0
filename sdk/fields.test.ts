import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fields, fieldsOf, isChecked, lineStart } from './fields.ts';

test('names compare without regard to letter case, and keep their own', () => {
  const fields = new Fields(['Content-Type', 'a', 'X-One', '1']);
  assert.equal(fields.get('content-TYPE'), 'a');
  assert.equal(fields.has('x-one'), true);
  assert.equal(fields.has('x-on'), false);
  fields.set('CONTENT-type', 'b');
  assert.deepEqual(fields.flat, ['Content-Type', 'b', 'X-One', '1']);
});

test('repeated fields are kept apart and in order', () => {
  const fields = new Fields(['A', '1', 'B', '2', 'a', '3']);
  assert.deepEqual(fields.getAll('A'), ['1', '3']);
  assert.equal(fields.combined('a'), '1, 3');
  assert.equal(fields.combined('c'), undefined);
  assert.equal(fields.get('A'), '1');
  fields.append('A', '4');
  assert.deepEqual(fields.flat, ['A', '1', 'B', '2', 'a', '3', 'A', '4']);
  assert.deepEqual(
    [...fields],
    [
      ['A', '1'],
      ['B', '2'],
      ['a', '3'],
      ['A', '4'],
    ],
  );
});

test('set leaves one line where the first was; delete leaves none', () => {
  const fields = new Fields(['B', '0', 'A', '1', 'B', '2', 'a', '3', 'C', '4', 'A', '5']);
  fields.set('a', 'x');
  assert.deepEqual(fields.flat, ['B', '0', 'A', 'x', 'B', '2', 'C', '4']);
  fields.delete('b');
  assert.deepEqual(fields.flat, ['A', 'x', 'C', '4']);
  fields.delete('nothing');
  fields.set('New', 'y');
  assert.deepEqual(fields.flat, ['A', 'x', 'C', '4', 'New', 'y']);
  fields.deleteAll(new Set(['a', 'new']));
  assert.deepEqual(fields.flat, ['C', '4']);
});

test('fields go by what is said of their names, as they were sent', () => {
  const fields = Fields.from({ 'X-A': ['1', '2'], 'x-a': '3', B: '4', 'X-C': '5' });
  fields.deleteWhere((name) => name.startsWith('X-'));
  assert.equal(isChecked(fields), true);
  assert.deepEqual(fields.flat, ['x-a', '3', 'B', '4']);
  fields.deleteWhere(() => false);
  assert.deepEqual(fields.flat, ['x-a', '3', 'B', '4']);
  fields.deleteWhere(() => true);
  assert.deepEqual(fields.flat, []);
});

test('a copy is a copy', () => {
  const fields = new Fields(['A', '1']);
  const copy = fields.clone();
  copy.set('A', '2');
  assert.equal(fields.get('a'), '1');
});

test('values that would write lines of their own are refused, by every way in', () => {
  const bad = ['a\r\nX: 1', 'a\nX: 1', 'a\rb', 'a\0', '\u0001', 'a\u007f', '\r\n', 'a\u000b'];
  for (const value of bad) {
    const fields = new Fields(['A', '1']);
    assert.throws(() => fields.set('A', value), TypeError, JSON.stringify(value));
    assert.throws(() => fields.set('New', value), TypeError, JSON.stringify(value));
    assert.throws(() => fields.append('A', value), TypeError, JSON.stringify(value));
    assert.throws(() => Fields.from({ A: value }), TypeError, JSON.stringify(value));
    assert.throws(() => Fields.from({ A: ['fine', value] }), TypeError, JSON.stringify(value));
    assert.deepEqual(fields.flat, ['A', '1']);
  }
});

test('text beyond Latin-1 cannot bring a line end along: it goes out as UTF-8', () => {
  // Cut down to one byte a character, these would be CR and LF.
  for (const value of ['\u010d\u010a', '\u{1f600}\u560d\u560a']) {
    const fields = new Fields();
    fields.set('A', value);
    assert.equal(Buffer.from(fields.get('a') ?? '', 'latin1').toString('utf8'), value);
    assert.match(fields.get('a') ?? '', /^[\x80-\xff]+$/);
  }
});

test('names that are no tokens are refused', () => {
  for (const name of ['', 'a b', 'a:', 'a\r\n', '\u00e4', 'a(b)', 'a"b', 'a/b', 'a\0']) {
    assert.throws(() => new Fields().set(name, '1'), TypeError, JSON.stringify(name));
    assert.throws(() => new Fields().append(name, '1'), TypeError, JSON.stringify(name));
  }
});

test('what is refused is not repeated in the error', () => {
  assert.throws(
    () => new Fields().set('Authorization', 'secret\r\n'),
    (error) => error instanceof TypeError && !error.message.includes('secret'),
  );
});

test('tabs, blanks and Latin-1 bytes are allowed', () => {
  const fields = Fields.from({ A: ['a\tb', 'x y', '\u00ff\u0080', ''] });
  assert.deepEqual(fields.getAll('a'), ['a\tb', 'x y', '\u00ff\u0080', '']);
});

test('fields count as checked until somebody else has their lines', () => {
  const fields = Fields.from({ A: '1' });
  fields.set('B', '2');
  fields.append('C', '3');
  fields.delete('a');
  fields.deleteAll(new Set(['b']));
  const copy = fields.clone();
  assert.equal(isChecked(fields), true);
  assert.deepEqual([...copy], [['C', '3']]);
  assert.equal(isChecked(copy), true);
  fields.flat.push('D', 'a\r\nE: 5');
  assert.equal(isChecked(fields), false);
  assert.equal(isChecked(fields.clone()), false);
  fields.delete('d');
  assert.equal(isChecked(fields), false);
  assert.equal(isChecked(copy), true);
  copy.flat = ['A', '1'];
  assert.equal(isChecked(copy), false);
  assert.equal(isChecked(new Fields(['A', '1'])), false);
  assert.equal(isChecked(new Fields([])), false);
  assert.equal(isChecked(fieldsOf(['A', '1'], false).clone()), false);
});

test('what is no text is one from then on', () => {
  const list = ['a'];
  const fields = new Fields();
  fields.set('A', list as never);
  list[0] = 'a\r\nB: 1';
  assert.deepEqual([...fields], [['A', 'a']]);
});

test('a name that is no text is none, and spoils none', () => {
  const bad = 'X-A: 1\r\nX-B';
  let isAsked = false;
  const name = {
    toString() {
      const text = isAsked ? bad : 'X-A';
      isAsked = true;
      return text;
    },
  } as unknown as string;
  assert.equal(lineStart(name), undefined);
  assert.equal(lineStart(bad), undefined);
  assert.throws(() => new Fields().append(['X-A'] as never, '1'), TypeError);
});

test('names begin lines, those that are not kept too', () => {
  for (let count = 0; count < 1100; count += 1) assert.equal(lineStart(`x-${count}`), `\r\nx-${count}: `);
  const long = 'x'.repeat(5000);
  assert.equal(lineStart(long), `\r\n${long}: `);
});

test('a name that a plugin without types left without a value takes no other name for one', () => {
  const fields = new Fields(['X-Y', 'v', 'A']);
  fields.deleteAll(new Set(['q']));
  fields.append('Content-Length', '5');
  assert.deepEqual(fields.flat, ['X-Y', 'v', 'A', '', 'Content-Length', '5']);
});
