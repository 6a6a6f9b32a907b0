import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameProblem } from './names.ts';

// Guide tables 3-6, 3-12 and 3-13, and reference 7.2.
const cases = [
  ['x-apig-anything', /x-apig-/, /x-apig-/, /x-apig-/],
  ['X-SDK-Date', /x-sdk-/, /x-sdk-/, /x-sdk-/],
  ['X-Stage', /x-stage/, /x-stage/, /x-stage/],
  ['x-stage-name', undefined, undefined, undefined],
  ['x-sdk', undefined, undefined, undefined],
  ['user_id', undefined, undefined, /underscore/],
  ['a b', /blank/, /blank/, /blank/],
  ['a\r\nb', /blank/, /blank/, /blank/],
  ['naïve', undefined, undefined, /no header name/],
  ['a:b', undefined, undefined, /no header name/],
] as const;

for (const side of ['request', 'backend'] as const) {
  for (const [name, ...expected] of cases) {
    test(`${side}: ${JSON.stringify(name)}`, () => {
      for (const [index, location] of (['path', 'query', 'header'] as const).entries()) {
        const pattern = expected[index];
        const found = nameProblem(name, location, side);
        if (pattern === undefined) assert.equal(found, undefined, location);
        else assert.match(found ?? 'nothing', pattern, location);
      }
    });
  }
}

test('the headers of authentication are no request parameters, and may go to the backend', () => {
  for (const name of ['Authorization', 'X-Auth-Token', 'x-auth-token']) {
    assert.match(nameProblem(name, 'header', 'request') ?? '', /authentication/);
    assert.equal(nameProblem(name, 'query', 'request'), undefined);
    assert.equal(nameProblem(name, 'header', 'backend'), undefined);
  }
});

test('what frames a message is no backend parameter', () => {
  for (const name of [
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'connection',
    'TE',
    'Expect',
    'Upgrade',
  ]) {
    assert.match(nameProblem(name, 'header', 'backend') ?? '', /gateway writes/, name);
  }
});
