import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayOf } from './testing.ts';
import { variableNames } from './variables.ts';

const ask = {
  headers: { 'x-kind': 'access-denied', 'x-message': encodeURIComponent('Not "you".\nNever.') },
  clientAddress: '192.0.2.7',
};

async function rendered(
  variable: string,
  options: { headers: Record<string, string>; clientAddress: string } = ask,
) {
  const responses = {
    r: { ACCESS_DENIED: { headers: { 'x-value': `<${variable}>` }, body: `{"value":"<${variable}>"}` } },
  };
  const gateway = await gatewayOf({ response: 'r', responses });
  const answer = await gateway.request('GET', '/a/%22b?c=%0d&d="e\\', options);
  const { value } = answer.json() as { value: string };
  return { answer, inBody: value.slice(1, -1), inHeader: answer.headers.get('x-value')?.slice(1, -1) };
}

// Table 3-3, and the further names of reference 7.7; letter case as the guide has it in both places.
const table: readonly (readonly [name: string, expected: string | RegExp])[] = [
  ['apiId', 'g/api'],
  ['apiid', 'g/api'],
  ['apid', 'g/api'],
  ['apiName', 'api'],
  ['appId', 'app-id'],
  ['appid', 'app-id'],
  ['appName', 'mobile'],
  ['requestId', /^[0-9a-f-]{36}$/],
  ['requestid', /^[0-9a-f-]{36}$/],
  ['stage', 'RELEASE'],
  ['sourceIp', '192.0.2.7'],
  ['reqPath', '/a/%22b'],
  ['reqUri', '/a/%22b?c=%0d&d="e\\'],
  ['reqMethod', 'GET'],
  ['authorizer.frontend.user', 'ann'],
  ['authorizer.frontend.level', '3'],
  ['authorizer.frontend.User', ''],
  ['authorizer.frontend.object', ''],
  ['authorizer.frontend.constructor', ''],
  ['authorizer.backend.user', ''],
  ['error.message', 'Not "you".\nNever.'],
  ['error.code', 'APIG.0306'],
  ['error.type', 'ACCESS_DENIED'],
];
for (const [name, expected] of table) {
  test(`$context.${name}`, async () => {
    const { answer, inBody, inHeader } = await rendered(`$context.${name}`);
    if (expected instanceof RegExp) assert.match(inBody, expected);
    else assert.equal(inBody, expected);
    if (/request/i.test(name)) assert.equal(inBody, answer.headers.get('x-request-id'));
    assert.equal(inHeader, inBody.replace('\n', '%0A'));
  });
}

test('every variable there is stands in the table', () => {
  const tested = table.map(([name]) => name.replace(/^(authorizer\.\w+)\..*$/, '$1.KEY'));
  assert.deepEqual(
    variableNames.filter((name) => !tested.includes(name)),
    [],
  );
});

test('several variables in one text, and where each ends', async () => {
  const text = 'a $context.error.code.$context.stage-7$context.apiName: $context.error.type. $contextual $';
  const { inBody } = await rendered(text);
  assert.equal(inBody, 'a APIG.0306.RELEASE-7api: ACCESS_DENIED. $contextual $');
});

const hostile = [
  '"}{"x":"',
  '\\',
  '\r\nSet-Cookie: a=b',
  '\u0000',
  '\u2028',
  '$context.requestId',
  '[[x]]',
  '\ud800',
  '価',
];
for (const message of hostile) {
  test(`a value stays a value: ${JSON.stringify(message)}`, async () => {
    const headers = { 'x-kind': 'access-denied', 'x-message': encodeURIComponent(message.toWellFormed()) };
    const { answer, inBody, inHeader } = await rendered('$context.error.message', { ...ask, headers });
    assert.equal(inBody, message.toWellFormed());
    assert.deepEqual(Object.keys(answer.json() as object), ['value']);
    assert.equal(answer.headers.has('set-cookie'), false);
    assert.doesNotMatch(inHeader ?? '\n', /[\x00-\x1f\x7f]/);
  });
}

test('a long value is cut in a header, not in the body', async () => {
  const headers = { 'x-kind': 'access-denied', 'x-message': 'm'.repeat(20_000) };
  const { inBody, inHeader } = await rendered('$context.error.message', { ...ask, headers });
  assert.equal(inBody.length, 20_000);
  assert.ok((inHeader?.length ?? Infinity) <= 4096);
});
