import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Shape, problems, refused, sent, url } from './testing.ts';

const toHeader: Shape = {
  request: { parameters: [{ name: 'v', in: 'query' }] },
  backend: { parameters: [{ name: 'x-v', in: 'header', from: 'request.v' }] },
};
for (const bytes of ['%0d%0aX-Admin:%201', '%0A', '%00', '%7f', 'a%0Db']) {
  test(`a mapped value cannot write header fields: ${bytes}`, async () => {
    assert.match(await refused(toHeader, 'GET', `/?v=${bytes}`), /x-v holds control characters/);
  });
}

const toPath: Shape = {
  request: { parameters: [{ name: 'v', in: 'query' }] },
  backend: { path: '/base/{v}/x', parameters: [{ name: 'v', in: 'path', from: 'request.v' }] },
};
for (const bytes of ['..', '.', '%2e%2e', 'a%2f..%2f..', '..%5c', '..;']) {
  test(`a mapped value cannot climb out of the backend path: ${bytes}`, async () => {
    assert.match(await refused(toPath, 'GET', `/?v=${bytes}`), /\. or \.\. segments/);
  });
}

test('two values that make dots together are seen, too', async () => {
  const shape: Shape = {
    request: {
      parameters: [
        { name: 'a', in: 'query' },
        { name: 'b', in: 'query' },
      ],
    },
    backend: {
      path: '/base/{a}{b}/x',
      parameters: [
        { name: 'a', in: 'path', from: 'request.a' },
        { name: 'b', in: 'path', from: 'request.b' },
      ],
    },
  };
  assert.match(await refused(shape, 'GET', '/?a=.&b=.'), /segments/);
});

test('a path that lacks a value is refused, not sent with two slashes', async () => {
  assert.match(await refused(toPath, 'GET', '/'), /needs a value for \{v\}/);
  assert.match(await refused(toPath, 'GET', '/?v='), /needs a value for \{v\}/);
});

test('a mapped value cannot add a query or a fragment to the path', async () => {
  assert.equal(url(await sent(toPath, 'GET', '/?v=a%3Fadmin%3D1%23x')), '/base/a%3Fadmin=1%23x/x');
});

const one = (parameter: object, more: Shape = {}): Shape => ({
  ...more,
  backend: { parameters: [parameter], ...more.backend },
});
const declaredPage: Shape = { request: { parameters: [{ name: 'page', in: 'query' }] } };
const wrong: readonly (readonly [title: string, shape: Shape, expected: RegExp])[] = [
  [
    'undeclared',
    one({ name: 'a', in: 'query', from: 'request.pge' }, declaredPage),
    /parameters\[0\]\.from: request\.parameters declares no "pge"; allowed: page; did you mean "page"\?/,
  ],
  [
    'none declared',
    one({ name: 'a', in: 'query', from: 'request.page' }),
    /declares no "page"; none is declared/,
  ],
  [
    'unknown system name',
    one({ name: 'a', in: 'query', from: 'system.sourceIP4' }),
    /no system parameter "sourceIP4"; .*did you mean "sourceIp"/,
  ],
  [
    'unknown origin',
    one({ name: 'a', in: 'query', from: 'cookie.a' }),
    /found "cookie\.a"; allowed: request\.NAME/,
  ],
  ['odd authorizer key', one({ name: 'a', in: 'query', from: 'authorizer.frontend.1x' }), /found "1x"/],
  ['from and value', one({ name: 'a', in: 'query', from: 'system.stage', value: '1' }), /exclude each other/],
  ['neither', one({ name: 'a', in: 'query' }), /needs "from" or "value"/],
  [
    'mapped twice',
    {
      backend: {
        parameters: [
          { name: 'a', in: 'query', value: '1' },
          { name: 'A', in: 'query', value: '2' },
        ],
      },
    },
    /parameters\[1\]\.name: "A" in query is mapped already/,
  ],
  [
    'not in the path',
    one({ name: 'a', in: 'path', value: '1' }, { backend: { path: '/x' } }),
    /\{a\} does not stand in the path/,
  ],
  ['no path', one({ name: 'a', in: 'path', value: '1' }), /this backend has no path/],
  ['unknown in the path', { backend: { path: '/x/{b}' } }, /backend\.path: \{b\} is no parameter/],
  ['underscore', one({ name: 'a_b', in: 'header', value: '1' }), /underscores/],
  ['reserved', one({ name: 'x-apig-a', in: 'query', value: '1' }), /x-apig-/],
  ['framing', one({ name: 'Content-Length', in: 'header', value: '1' }), /gateway writes/],
  [
    'control in a constant',
    one({ name: 'x-a', in: 'header', value: 'a\r\nb: c' }),
    /parameters\[0\]\.value: .*control/,
  ],
  ['query in the path', { backend: { path: '/x?a=1' } }, /found "\?"/],
  ['brace in the path', { backend: { path: '/x/{a' } }, /found "\{"/],
];
for (const [title, shape, expected] of wrong) {
  test(`refused at load: ${title}`, async () => {
    const found = await problems(shape);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', expected);
  });
}
