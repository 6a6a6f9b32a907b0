import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HashChecks } from './hash-checks.ts';
import { type ScryptHash, derive, readScryptHash } from './scrypt-hash.ts';
import { gatewayOf, hashOf, outcome, wrong } from './testing.ts';

function read(text: string): ScryptHash {
  const hash = readScryptHash(text);
  assert.ok(typeof hash !== 'string');
  return hash;
}

test('RFC 7914 section 12: the vectors, in PHC notation', async () => {
  const plain = (text: string | Buffer) => Buffer.from(text).toString('base64').replace(/=+$/, '');
  const hex =
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640';
  const hash = read(
    `$scrypt$ln=10,r=8,p=16$${plain('NaCl00000000').slice(0, 16)}$${plain(Buffer.from(hex, 'hex'))}`,
  );
  // The vector's salt has four bytes, fewer than the notation is read with here.
  const derived = await derive('password', { ...hash, salt: Buffer.from('NaCl') });
  assert.equal(derived.toString('hex'), hex);
});

test('hashed passwords let in, beside others that are not', async (t) => {
  const users = [
    { name: 'alice', hash: hashOf('open sesame') },
    { name: 'bob', password: 'b' },
  ];
  const gateway = await gatewayOf(t, { config: { users } });
  assert.equal(outcome(await gateway.ask('alice', 'open sesame')), '200');
  assert.equal(outcome(await gateway.ask('alice', 'open sesame')), '200');
  assert.equal(outcome(await gateway.ask('alice', 'b')), wrong);
  assert.equal(outcome(await gateway.ask('bob', 'b')), '200');
  assert.equal(outcome(await gateway.ask('bob', 'open sesame')), wrong);
  assert.equal(outcome(await gateway.ask('nobody', 'open sesame')), wrong);
});

test('a name that is none takes a check, too', async () => {
  const checks = new HashChecks();
  const hash = read(hashOf('x'));
  assert.ok(checks.check('alice', 'y', hash) instanceof Promise);
  const { Users } = await import('./users.ts');
  const users = new Users(checks, undefined);
  assert.equal(users.check({ name: 'nobody', password: 'p' }), 'wrong');
  users.addHashed('alice', hash);
  const verdict = users.check({ name: 'nobody', password: 'p' });
  assert.ok(verdict instanceof Promise);
  assert.equal(await verdict, 'wrong');
});

test('checks are computed once, kept, and told apart by hash and password', async () => {
  const checks = new HashChecks();
  const [a, b] = [read(hashOf('one')), read(hashOf('two'))];
  const asked = Array.from({ length: 20 }, () => checks.check('a', 'one', a));
  assert.equal(new Set(asked).size, 1, 'one check for all');
  assert.equal(await asked[0], 'right');
  assert.equal(checks.check('a', 'one', a), 'right');
  assert.equal(await checks.check('b', 'one', b), 'wrong');
  assert.equal(checks.check('b', 'one', b), 'wrong');
  assert.equal(await checks.check('b', 'two', b), 'right');
});

test('a flood waits in a short line; who was let in before does not', async () => {
  const checks = new HashChecks();
  const hash = read(hashOf('right'));
  assert.equal(await checks.check('alice', 'right', hash), 'right');
  const one = Array.from({ length: 50 }, (_, index) => checks.check('alice', `guess ${index}`, hash));
  assert.equal(one.filter((each) => each === 'busy').length, 42, 'eight of one name');
  const many = Array.from({ length: 500 }, (_, index) =>
    checks.check(`name ${index}`, 'guess', { ...hash, text: `${hash.text} ${index}` }),
  );
  const waiting = [...one, ...many].filter((each) => each instanceof Promise);
  assert.ok(waiting.length <= 66, `${waiting.length} at a time`);
  assert.equal(checks.check('alice', 'right', hash), 'right');
  const verdicts = await Promise.all(waiting);
  assert.ok(verdicts.every((each) => each === 'wrong'));
  assert.equal(await checks.check('carol', 'right', hash), 'right');
});

test('where too many wait callers are told to come again, not that they are wrong', async (t) => {
  const gateway = await gatewayOf(t, { config: { users: [{ name: 'alice', hash: hashOf('right', 12) }] } });
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => gateway.ask('alice', `guess ${index}`)),
  );
  const busy = answers.filter(({ status }) => status === 503);
  assert.ok(busy.length >= 30, `${busy.length} busy`);
  assert.equal(busy[0]?.headers.get('retry-after'), '1');
  assert.equal(busy[0]?.headers.get('www-authenticate'), undefined);
  assert.ok(answers.every(({ status }) => status === 503 || status === 401));
});

test('no line of the log and no answer shows a password or a hash', async (t) => {
  const hash = hashOf('hunter2');
  const gateway = await gatewayOf(t, {
    config: {
      users: [
        { name: 'alice', hash },
        { name: 'bob', password: 'hunter3' },
      ],
    },
  });
  const answers = [
    await gateway.ask('alice', 'hunter2'),
    await gateway.ask('bob', 'hunter4'),
    await gateway.send('Basic hunter5'),
  ];
  const told = JSON.stringify([
    gateway.log,
    answers.map(({ text, headers }) => [text, headers.flat]),
    gateway.describe('GET', '/'),
  ]);
  assert.doesNotMatch(told, /hunter|scrypt/);
});
