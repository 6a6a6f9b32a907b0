import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { testGateway } from '#sdk/testing';
import plugin from './plugin.ts';
import { lone, makeKey } from './testing.ts';

/** What is wrong with options, a line each with its place behind the binding's name. */
async function problemsOf(config: object, type = 'jwt', root: object = {}): Promise<string[]> {
  try {
    const gateway = await testGateway({
      config: {
        groups: { g: { domains: ['*'] } },
        apis: { 'g/a': { request: { method: 'GET', path: '/' }, auth: 'none', backend: { type: 'mock' } } },
        plugins: { token: { type, config } },
        bindings: [{ plugin: 'token', apis: ['*'] }],
        ...root,
      },
      plugins: [plugin],
    });
    await gateway.close();
    return [];
  } catch (error) {
    const { problems } = error as { problems?: readonly { path: string; message: string }[] };
    if (problems === undefined) throw error;
    return problems.map(({ path, message }) => `${path.replace('plugins.token.config', '')}: ${message}`);
  }
}

const secret = makeKey('HS256');
const rsa = makeKey('RS256');
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });
const privatePem = lone.privateKey.export({ format: 'pem', type: 'pkcs8' });
const keys = [{ jwk: lone.jwk }];

test('what is wrong is told with its place', async () => {
  const key = (jwk: object) => ({ keys: [{ jwk }] });
  const cases: [object, RegExp][] = [
    [{}, /^: "keys" is missing; allowed instead: "jwks", "service"/],
    [{ keys, jwks: '[]' }, /^\.jwks: "keys", "jwks" and "service" exclude each other/],
    [{ keys: [] }, /^\.keys: .*at least 1/],
    [{ keys: [{}] }, /^\.keys\[0\](\.pem)?: "jwk" or "pem" is missing/],
    [{ keys: [{ jwk: lone.jwk, kid: 'x' }] }, /^\.keys\[0\]\.jwk: "jwk" stands alone/],
    [key(weak), /^\.keys\[0\]\.jwk: it has 1024 bits; an RSA key needs 2048/],
    [key(curve), /^\.keys\[0\]\.jwk: allowed are RSA, the curves/],
    [key({ ...lone.jwk, x: 'AA' }), /^\.keys\[0\]\.jwk: it is no key/],
    [key({ ...lone.jwk, alg: 'RS256' }), /^\.keys\[0\]\.jwk: it is not for "RS256"; allowed: ES256/],
    [key({ ...lone.jwk, use: 'enc' }), /^\.keys\[0\]\.jwk: it is not for verifying/],
    [key({ ...rsa.jwk, alg: 'HS256' }), /it is not for "HS256"; allowed: RS256/],
    [key({ ...secret.jwk, k: 'c2hvcnQ' }), /^\.keys\[0\]\.jwk: its secret has 5 bytes; HS256 needs 32/],
    [key({ kty: 'oct' }), /"k" must be the secret/],
    [key({ kty: 'oct', k: 'A'.repeat(43), alg: 'HS512' }), /it is not for "HS512"; allowed: HS256/],
    [{ keys: [{ pem: privatePem }] }, /^\.keys\[0\]\.pem: it is a private key/],
    [{ keys: [{ pem: 'x' }] }, /^\.keys\[0\]\.pem: it is no public key in PEM/],
    [{ keys: [...keys, ...keys] }, /^\.keys\[0\]\.jwk: of several keys each needs a "kid"/],
    [{ jwks: 'x'.repeat(10) }, /^\.jwks: it is no JSON Web Key Set/],
    [{ jwks: '[{"kty":"EC","use":"enc"}]' }, /^\.jwks: it is no JSON Web Key Set/],
    [{ jwks: JSON.stringify([lone.jwk, lone.jwk]) }, /^\.jwks: key 0: of several keys/],
    [{ jwks: ' '.repeat(51_201) }, /^\.jwks: /],
    [{ service: { url: 'ftp://x/' } }, /^\.service\.url: found "ftp:\/\/x\/"; allowed: http/],
    [{ service: { url: 'https://u:p@x/' } }, /^\.service\.url: /],
    [{ service: { url: 'https://x/', timeoutMs: 0 } }, /^\.service\.timeoutMs: found 0/],
    [{ keys, preventReplay: true, ignoreExpiration: true }, /^\.preventReplay: a token that never expires/],
    [{ keys, block: { dataSet: 'x', claim: 'jti' } }, /^\.block\.dataSet: there is no data set "x"/],
    [
      { keys, claims: [{ claim: 'sub', name: 'x y' }] },
      /^\.claims\[0\]\.name: found "x y"; allowed: the name of a header/,
    ],
    [
      { keys, claims: [{ claim: 'sub', name: 'x', in: 'query', append: true }] },
      /^\.claims\[0\]\.append: allowed for a header only/,
    ],
    [{ keys, algorithms: ['none'] }, /^\.algorithms\[0\]: found "none"; allowed: RS256/],
    [{ keys, toleranceSeconds: -1 }, /^\.toleranceSeconds: found -1/],
    [{ keys, issuer: 'x' }, /^\.issuer: unknown field; .*did you mean "issuers"/],
  ];
  for (const [config, expected] of cases) {
    const problems = await problemsOf(config);
    assert.equal(problems.length, 1, `${String(expected)}\n${problems.join('\n')}`);
    assert.match(problems[0] ?? '', expected);
  }
});

test('a private key and a secret are shown by no problem', async () => {
  const d = String(lone.privateKey.export({ format: 'jwk' }).d);
  const all = [
    ...(await problemsOf({ keys: [{ jwk: { ...lone.jwk, d } }] })),
    ...(await problemsOf({ keys: [{ jwk: { ...secret.jwk, kty: 'RSA' } }] })),
    ...(await problemsOf({ keys: [{ jwk: { kty: 'oct', k: '!hunter2!' } }] })),
    ...(await problemsOf({ jwks: 'hunter2 hunter2' })),
    ...(await problemsOf({ jwks: JSON.stringify([{ ...lone.jwk, d }]) })),
    ...(await problemsOf({ keys: [{ pem: privatePem }] })),
  ];
  assert.equal(all.length, 6, all.join('\n'));
  const told = all.join('\n');
  for (const hidden of [d, String(secret.jwk['k']), 'hunter2', privatePem.slice(40, 80)])
    assert.ok(!told.includes(hidden), told);
});

test('a data set of another type is no list of tokens', async () => {
  const block = { dataSet: 'offices', claim: 'jti' };
  const dataSets = { offices: { type: 'IP_WHITELIST_CIDR', items: ['10.0.0.0/8'] } };
  const problems = await problemsOf({ keys, block }, 'jwt', { dataSets });
  assert.match(
    problems.join('\n'),
    /^\.block\.dataSet: the data set "offices" is of type IP_WHITELIST_CIDR; allowed: JWT_BLOCKING$/,
  );
});
