import assert from 'node:assert/strict';
import { createHmac, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import {
  type TestKey,
  assemble,
  gatewayOf,
  lone,
  makeKey,
  notValid,
  now,
  outcome,
  sign,
  usual,
} from './testing.ts';

test('a public key is never a secret: RS256 and ES256 turned into HS256', async (t) => {
  const rsa = makeKey('RS256', 'r');
  const gateway = await gatewayOf(t, {
    config: { keys: [{ jwk: rsa.jwk }, { jwk: makeKey('HS256', 'h').jwk }] },
  });
  const key = createPublicKey(rsa.pem);
  const secrets = [
    rsa.pem,
    rsa.pem.trimEnd(),
    JSON.stringify(rsa.jwk),
    key.export({ format: 'der', type: 'spki' }),
    key.export({ format: 'pem', type: 'pkcs1' }),
  ];
  for (const secret of secrets) {
    for (const header of [{ alg: 'HS256' }, { alg: 'HS256', kid: 'r' }, { alg: 'HS256', kid: 'h' }]) {
      const unsigned = assemble(header, usual, '').slice(0, -1);
      const forged = createHmac('sha256', secret).update(unsigned).digest('base64url');
      assert.equal(outcome(await gateway.ask(`${unsigned}.${forged}`)), notValid);
    }
  }
});

test('no key verifies what is signed by nothing, however `none` is written', async (t) => {
  const gateway = await gatewayOf(t);
  for (let bits = 0; bits < 16; bits += 1) {
    const alg = Array.from('none')
      .map((letter, index) => (bits & (1 << index) ? letter.toUpperCase() : letter))
      .join('');
    for (const signature of ['', 'AAAA', 'bm9uZQ'])
      assert.equal(outcome(await gateway.ask(assemble({ alg }, usual, signature))), notValid, alg);
  }
  for (const alg of ['', 'none ', 'es256', 'ES256 ', null, 7, ['ES256'], { ES256: 1 }, undefined])
    assert.equal(outcome(await gateway.ask(assemble({ alg }, usual))), notValid);
});

test('a key is for the algorithms of its kind, of its `alg`, and of the configuration only', async (t) => {
  const rsa = makeKey('RS256');
  const only = await gatewayOf(t, { config: { keys: [{ jwk: { ...rsa.jwk, alg: 'RS256' } }] } });
  const listed = await gatewayOf(t, { config: { keys: [{ jwk: rsa.jwk }], algorithms: ['RS384', 'ES256'] } });
  const token = (alg: string) => sign(usual, rsa, { alg });
  assert.equal(outcome(await only.ask(await token('RS256'))), '200');
  assert.equal(outcome(await only.ask(await token('RS512'))), notValid);
  assert.equal(outcome(await only.ask(await token('PS256'))), notValid);
  assert.equal(outcome(await listed.ask(await token('RS384'))), '200');
  assert.equal(outcome(await listed.ask(await token('RS256'))), notValid);
});

/** Signs a header that the library would not, with the usual key. */
async function signAs(header: string, payload: string, key: TestKey = lone): Promise<string> {
  const { sign: signBytes } = await import('node:crypto');
  const unsigned = assemble(header, payload, '').slice(0, -1);
  const signature = signBytes('sha256', Buffer.from(unsigned), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${unsigned}.${signature.toString('base64url')}`;
}

test('a token that is signed but says what may not be said is refused', async (t) => {
  const gateway = await gatewayOf(t);
  const claims = JSON.stringify(usual);
  const header = '{"alg":"ES256"}';
  assert.equal(outcome(await gateway.ask(await signAs(header, claims))), '200', 'the helper signs rightly');
  const headers = [
    '{"alg":"ES256","crit":["b64"],"b64":false}',
    '{"alg":"ES256","crit":["x"],"x":1}',
    '{"alg":"ES256","crit":[]}',
    '{"alg":"ES256","b64":false}',
    '{"alg":"ES256","b64":true}',
    '{"alg":"none","alg":"ES256"}',
    '{"alg":"ES256","alg":"ES256"}',
    '{"alg":"ES256","kid":"a","kid":"b"}',
    '{"alg":"ES256","\\u0061lg":"ES256"}',
    '{"alg":"ES256","kid":7}',
    '{"alg":"ES256","kid":null}',
    '[{"alg":"ES256"}]',
    '"ES256"',
    'null',
    '{"alg":"ES256"} x',
    '{"alg":"ES256",}',
    '\ufeff{"alg":"ES256"}',
    '',
  ];
  for (const each of headers)
    assert.equal(outcome(await gateway.ask(await signAs(each, claims))), notValid, each);
  const payloads = [
    '{"sub":"alice","sub":"bob"}',
    '{"sub":"alice","x":{"a":1,"a":2}}',
    '{"sub":"alice","x":[{"a":1,"\\u0061":2}]}',
    '{"exp":1900000000,"exp":1}',
    '{"exp":"1900000000"}',
    '{"exp":null}',
    '{"exp":1e300}',
    '{"nbf":true}',
    '{"iat":[]}',
    '{"sub":7}',
    '{"iss":["https://issuer"]}',
    '{"jti":{}}',
    '["sub","alice"]',
    '"alice"',
    'true',
    '',
    `{"sub":"${'x'.repeat(13_000)}"}`,
  ];
  for (const each of payloads)
    assert.equal(outcome(await gateway.ask(await signAs(header, each))), notValid, each.slice(0, 60));
});

test('names that mean something to JavaScript are claims like others', async (t) => {
  const config = {
    claims: ['__proto__', 'constructor'].map((claim) => ({ claim, name: `x-${claim.replaceAll('_', '')}` })),
  };
  const gateway = await gatewayOf(t, { config });
  const token = await signAs(
    '{"alg":"ES256","__proto__":{"crit":["x"]}}',
    '{"__proto__":{"sub":"root","exp":1},"sub":"alice"}',
  );
  const answer = await gateway.ask(token);
  assert.equal(outcome(answer), '200');
  assert.equal(gateway.completed[0]?.exchange?.identity?.id, 'alice');
  const { headers } = answer.json() as { headers: Record<string, string> };
  assert.equal(headers['x-proto'], '{"sub":"root","exp":1}');
  assert.equal(headers['x-constructor'], undefined);
});

test('keys that a token brings along are not looked at', async (t) => {
  const gateway = await gatewayOf(t, { config: { keys: [{ jwk: makeKey('ES256', 'k').jwk }] } });
  const own = makeKey('ES256', 'k');
  const brought = {
    jwk: own.jwk,
    jku: 'http://127.0.0.1:1/keys',
    x5u: 'http://127.0.0.1:1/x',
    x5c: ['MIIB'],
    kid: 'k',
  };
  assert.equal(outcome(await gateway.ask(await sign(usual, own, brought))), notValid);
});

test('there is one way to write a token', async (t) => {
  const gateway = await gatewayOf(t);
  const token = await sign();
  const [head = '', payload = '', signature = ''] = token.split('.');
  const other = (part: string) => {
    // The last character of 64 bytes has four bits that say nothing.
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(
      part.at(-1) ?? '',
    );
    return part.slice(0, -1) + 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[last ^ 1];
  };
  const standard = (part: string) => Buffer.from(part, 'base64url').toString('base64');
  const cases = [
    `${head}.${payload}.${signature}=`,
    `${head}.${payload}.${signature}==`,
    `${head}=.${payload}.${signature}`,
    `${head}.${payload}.${other(signature)}`,
    `${head}.${payload}.${standard(signature)}`,
    `${head}.${payload}.${signature}.`,
    `${head}.${payload}.${signature}.x`,
    `${head}.${payload}`,
    `${head}..${signature}`,
    `.${payload}.${signature}`,
    `${head}.${payload}.`,
    `${head}.${payload}.${signature.slice(0, -1)}`,
    `${head}.${payload}.${signature.slice(1)}`,
    `${head} .${payload}.${signature}`,
    `${head}.${payload}.${signature}, ${token}`,
    `${head}.\u00e9${payload}.${signature}`,
    '.'.repeat(10_000),
    '..',
    'x'.repeat(20_000),
    Array.from({ length: 5 }, () => 'AAAA').join('.'),
  ];
  assert.equal(outcome(await gateway.ask(token)), '200');
  for (const each of cases) assert.equal(outcome(await gateway.ask(each)), notValid, each.slice(0, 80));
});

test('ECDSA signatures of zero, and in DER, are refused', async (t) => {
  const { sign: signBytes } = await import('node:crypto');
  const gateway = await gatewayOf(t);
  const unsigned = assemble({ alg: 'ES256' }, usual, '').slice(0, -1);
  const der = signBytes('sha256', Buffer.from(unsigned), lone.privateKey).toString('base64url');
  for (const signature of [Buffer.alloc(64).toString('base64url'), der])
    assert.equal(outcome(await gateway.ask(`${unsigned}.${signature}`)), notValid);
});

test('long texts and many members are read', async (t) => {
  const gateway = await gatewayOf(t);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`claim-${index}`, [{ a: 1 }]]));
  for (const claims of [
    { ...usual, long: 'x'.repeat(11_000) },
    { ...usual, quotes: '"\\'.repeat(2_000) },
    { ...usual, ...many },
  ])
    assert.equal(outcome(await gateway.ask(await signAs('{"alg":"ES256"}', JSON.stringify(claims)))), '200');
});

test('deeply nested claims are read or refused, and stop nothing', async (t) => {
  const gateway = await gatewayOf(t);
  const deep = `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
  assert.match(outcome(await gateway.ask(await signAs('{"alg":"ES256"}', deep))), /^(200|401)/);
  assert.equal(outcome(await gateway.ask(await sign())), '200');
});

test('tokens of random bytes, and good ones with a byte changed, are refused', async (t) => {
  const gateway = await gatewayOf(t);
  const token = await sign({ ...usual, exp: now + 1_000 });
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
  let seed = 11;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 300; round += 1) {
    const at = next(token.length);
    const changed = token.slice(0, at) + (alphabet[next(alphabet.length)] ?? '') + token.slice(at + 1);
    if (changed === token) continue;
    assert.equal(outcome(await gateway.ask(changed)), notValid, changed);
  }
});

test('no answer and no line of the log shows a token or a secret', async (t) => {
  const key = makeKey('HS256');
  const gateway = await gatewayOf(t, { config: { keys: [{ jwk: key.jwk }] } });
  const tokens = [await sign({ ...usual, exp: 1 }, key, { alg: 'HS256' }), await sign(), 'secret-text'];
  const answers = await Promise.all(tokens.map((token) => gateway.ask(token)));
  const told = JSON.stringify([gateway.log, answers.map(({ text, headers }) => [text, headers.flat])]);
  for (const token of tokens) assert.ok(!told.includes(token));
  assert.ok(!told.includes(String(key.jwk['k'])));
});
