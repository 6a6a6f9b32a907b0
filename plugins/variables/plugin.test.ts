import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type TestGateway, testGateway } from '#sdk/testing';

const apis = `
apis:
  shop/item:
    request: { method: GET, path: /item }
    environments: [RELEASE, TEST]
    auth: none
    backend:
      type: http
      address: http://#ipaddress##test#
      path: /#Path#/#Path##tail#
`;

const head = (variables: string): string => `
environments:
  TEST: {}
groups:
  shop:
    domains: ['*']
    variables:
${variables.replace(/^/gm, '      ')}
`;

async function reached(gateway: TestGateway, stage: string): Promise<string> {
  const answer = await gateway.request('GET', '/item', { headers: { 'x-stage': stage } });
  assert.equal(answer.status, 200, answer.text);
  const request = gateway.backendRequests.at(-1);
  return `${request?.origin}${request?.path}`;
}

async function problems(config: string): Promise<{ line: string; message: string }[]> {
  try {
    await testGateway({ config });
  } catch (error) {
    const list = (error as { problems: { at: { line: number; column: number }; message: string }[] })
      .problems;
    return list.map(({ at, message }) => ({
      line: (config.split('\n')[at.line - 1] ?? '').slice(at.column - 1),
      message,
    }));
  }
  return assert.fail('the configuration was taken');
}

// Tables 3-21 and 3-22, and the guide's `#ipaddress##test#`: several variables in one value, each environment its own.
test('each environment has its own values', async () => {
  const gateway = await testGateway({
    config:
      head(`
RELEASE: { ipaddress: 10.0.0.1, test: ":81", Path: v1, path: wrong, tail: x }
TEST: { ipaddress: backend.example, test: ":82", Path: v2, tail: "/y%20z" }`) + apis,
  });
  assert.equal(await reached(gateway, 'RELEASE'), 'http://10.0.0.1:81/v1/v1x');
  assert.equal(await reached(gateway, 'TEST'), 'http://backend.example:82/v2/v2/y%20z');
});

test("a value that starts with a slash may follow one, as in the guide's figure 3-3", async () => {
  const gateway = await testGateway({
    config: `
groups: { g: { domains: ['*'], variables: { RELEASE: { Path: /Stage/test } } } }
apis:
  g/a: { request: { method: GET, path: /a }, auth: none, backend: { type: http, address: b, path: "/#Path#" } }
  g/b: { request: { method: GET, path: /b }, auth: none, backend: { type: http, address: b, path: "#Path#" } }
`,
  });
  await gateway.request('GET', '/a');
  await gateway.request('GET', '/b');
  assert.deepEqual(
    gateway.backendRequests.map(({ path }) => path),
    ['/Stage/test', '/Stage/test'],
  );
});

test('a value stands for itself: it is not expanded again and brings no parameter', async () => {
  for (const value of ['#ipaddress#', '{item}', 'a?b', 'a b', 'é', '\\u0007']) {
    const found = await problems(
      head(
        `RELEASE: { ipaddress: "${value}", test: ":1", Path: v, tail: w }\nTEST: { ipaddress: b, test: ":1", Path: v, tail: w }`,
      ) + apis,
    );
    assert.match(found[0]?.message ?? '', /visible ASCII/, value);
  }
});

test('a missing variable is reported where it stands in the text, with the nearest name', async () => {
  const found = await problems(
    head(`
RELEASE: { ipaddress: a, test: ":1", path: v, tail: x }
TEST: { ipaddres: a, test: ":1", Path: v, tail: x }`) + apis,
  );
  assert.deepEqual(found, [
    {
      line: '#ipaddress##test#',
      message: 'the group "shop" has no variable "ipaddress" in TEST; it has one in RELEASE',
    },
    {
      line: '#Path#/#Path##tail#',
      message: 'the group "shop" has no variable "Path" in RELEASE; it has one in TEST',
    },
    {
      line: '#Path##tail#',
      message: 'the group "shop" has no variable "Path" in RELEASE; it has one in TEST',
    },
  ]);
});

test('a misspelt name gets the nearest one', async () => {
  const config = `
groups: { g: { domains: ['*'], variables: { RELEASE: { backend: b } } } }
apis:
  g/a: { request: { method: GET, path: /a }, auth: none, backend: { type: http, address: http://#bakend# } }
`;
  const [problem] = await problems(config);
  assert.match(
    problem?.message ?? '',
    /no variable "bakend" in RELEASE; allowed: backend; did you mean "backend"\?/,
  );
});

test('a # without a partner, and an address that does not come out as one, are refused', async () => {
  const config = (address: string): string => `
groups: { g: { domains: ['*'], variables: { RELEASE: { secret: a/path } } } }
apis:
  g/a: { request: { method: GET, path: /a }, auth: none, backend: { type: http, address: "${address}" } }
`;
  assert.match((await problems(config('http://a#b')))[0]?.message ?? '', /this # has no partner/);
  const [problem] = await problems(config('http://#secret#'));
  assert.match(problem?.message ?? '', /found "http:\/\/#secret#", variables put in; allowed: /);
  assert.doesNotMatch(problem?.message ?? '', /a\/path/);
});

test('unknown environments, odd names and more than fifty variables are refused', async () => {
  const many = Array.from({ length: 51 }, (_, index) => `v${index}: x`).join(', ');
  const config = `
environments: { TEST: {} }
groups:
  g:
    variables:
      TETS: { a: b }
      TEST: { 1a: b }
      RELEASE: { ${many} }
`;
  const messages = (await problems(config)).map(({ message }) => message);
  assert.equal(messages.length, 3);
  assert.match(messages[0] ?? '', /no environment "TETS"; allowed: RELEASE, TEST; did you mean "TEST"/);
  assert.match(messages[1] ?? '', /found the name "1a"/);
  assert.match(messages[2] ?? '', /found 51 variables; at most 50/);
  const [, fifty] = [many, many.replace(/, v50: x$/, '')];
  const gateway = await testGateway({ config: `groups: { g: { variables: { RELEASE: { ${fifty} } } } }` });
  await gateway.close();
});

test('names are case-sensitive and those of an object are none', async () => {
  const config = `
groups: { g: { domains: ['*'], variables: { RELEASE: { backend: b } } } }
apis:
  g/a: { request: { method: GET, path: /a }, auth: none, backend: { type: http, address: http://#Backend# } }
  g/b: { request: { method: GET, path: /b }, auth: none, backend: { type: http, address: http://#constructor# } }
`;
  assert.equal((await problems(config)).length, 2);
});

test('the example of the README works', async () => {
  const [, config = ''] =
    /```yaml\n(.*?)```/s.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8')) ?? [];
  const gateway = await testGateway({ config });
  await gateway.request('GET', 'http://api.shop.example/orders', { headers: { 'x-stage': 'TEST' } });
  assert.equal(gateway.backendRequests[0]?.origin, 'http://127.0.0.1:9202');
  assert.equal(gateway.backendRequests[0]?.path, '/v2/orders');
});
