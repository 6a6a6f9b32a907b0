import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LogMask, LogMasks, definePlugin } from '#sdk';
import { testGateway, testPlugin } from '#sdk/testing';
import { compileMask } from './mask.ts';
import type { Rule } from './options.ts';
import plugin from './plugin.ts';

const masked = (rule: Partial<Rule>, name: string, value: string): string =>
  compileMask([{ location: 'REQUEST_HEADER', policy: 'ALL', ...rule }]).mask(
    rule.location ?? 'REQUEST_HEADER',
    name,
    value,
  );

test('fields, parameters and claims are hidden by their names', () => {
  const header = { parameters: ['Authorization', 'X-Phone'] };
  assert.equal(masked({ ...header, policy: 'KEEP_LEFT:6' }, 'authorization', 'Bearer abc'), 'Bearer****');
  assert.equal(masked(header, 'x-phone', '123'), '***');
  assert.equal(masked(header, 'x-other', '123'), '123');
  const query: Partial<Rule> = { location: 'REQUEST_QUERY', parameters: ['token'] };
  assert.equal(masked(query, 'token', 'abc'), '***');
  assert.equal(masked(query, 'Token', 'abc'), 'abc');
  assert.equal(
    masked({ location: 'REQUEST_TOKEN', parameters: ['sub'], policy: 'KEEP_RIGHT:2' }, 'sub', 'alice'),
    '***ce',
  );
});

test('what is kept is counted in characters, and never more than there are', () => {
  const of = (policy: string, value: string) => masked({ parameters: ['x'], policy }, 'x', value);
  assert.equal(of('KEEP_CENTER:2,3', 'abcdefg'), '**cde**');
  assert.equal(of('KEEP_CENTER:5,3', 'abc'), '***');
  assert.equal(of('KEEP_RIGHT:9', 'abc'), 'abc');
  assert.equal(of('KEEP_LEFT:1', '😀😀'), '😀*');
  assert.equal(of('KEEP_LEFT:0', 'abc'), '***');
});

test('content is hidden where it matches, longer runs included', () => {
  const body =
    (matchMode: string | undefined, policy = 'ALL') =>
    (value: string) =>
      masked(
        { location: 'REQUEST_BODY', policy, ...(matchMode === undefined ? {} : { matchMode }) },
        '',
        value,
      );
  assert.equal(
    body('D:11', 'KEEP_RIGHT:4')('{"phone":"13800138000","n":1234567890}'),
    '{"phone":"*******8000","n":1234567890}',
  );
  assert.equal(body('D:11')('+8613800138000'), '+*************');
  assert.equal(body('HEX:8')('id=deadBEEF-12'), 'id=********-12');
  assert.equal(body('C:3')('ab abc äöü-x'), 'ab *** ***-x');
  assert.equal(
    body('EMAIL', 'KEEP_LEFT:2')('mail a.b+c@mail.example.com now'),
    `mail a.${'*'.repeat(20)} now`,
  );
  assert.equal(body(undefined)('abc'), '***');
});

test('rules are carried out one after the other', () => {
  const rules: Rule[] = [
    { location: 'RESPONSE_BODY', matchMode: 'D:4', policy: 'KEEP_RIGHT:2' },
    { location: 'RESPONSE_BODY', matchMode: 'EMAIL', policy: 'ALL' },
  ];
  assert.equal(compileMask(rules).mask('RESPONSE_BODY', '', '123456 a@b.c'), '****56 *****');
});

test('long content takes no longer than its length', () => {
  const started = performance.now();
  for (const mode of ['EMAIL', 'D:11', 'HEX:3', 'C:900'])
    masked({ location: 'REQUEST_BODY', matchMode: mode, policy: 'ALL' }, '', 'a.'.repeat(50_000));
  assert.ok(performance.now() - started < 3000);
});

test('whoever logs gets the mask of the API, in its environment', async () => {
  const seen: (LogMask | undefined)[] = [];
  const logger = definePlugin({
    name: 'logger',
    summary: 'Logs.',
    setup(_section, kit) {
      const masks = kit.find(LogMasks);
      return {
        completed: ({ exchange }) =>
          void seen.push(exchange && masks?.of(exchange.api, exchange.environment)),
      };
    },
  });
  const mock = (path: string) => ({
    request: { method: 'GET', path },
    auth: 'none',
    backend: { type: 'mock' },
  });
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: { 'g/a': mock('/a'), 'g/b': mock('/b') },
      plugins: {
        hide: {
          type: 'alibaba/logMask',
          config: { rules: [{ name: 'q', location: 'REQUEST_QUERY', parameters: ['k'] }] },
        },
      },
      bindings: [{ plugin: 'hide', apis: ['g/a'] }],
    },
    plugins: [logger],
  });
  for (const path of ['/a', '/b', '/c']) await gateway.request('GET', path);
  assert.equal(seen[0]?.mask('REQUEST_QUERY', 'k', 'v'), '*');
  assert.deepEqual(seen.slice(1), [undefined, undefined]);
});

test('the access log hides what the mask hides', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-mask-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'access.jsonl');
  const gateway = await testPlugin(plugin, {
    config: { rules: [{ location: 'REQUEST_HEADER', parameters: ['X-Phone'], policy: 'KEEP_RIGHT:2' }] },
    root: { accessLog: { file, headers: ['x-phone', 'x-plain'] } },
  });
  await gateway.request('GET', '/', { headers: { 'x-phone': '12345', 'x-plain': 'p' } });
  await gateway.close();
  const text = await written(file);
  assert.deepEqual([text['header.x-phone'], text['header.x-plain']], ['***45', 'p']);
});

async function written(file: string): Promise<Record<string, unknown>> {
  for (;;) {
    const text = readFileSync(file, { encoding: 'utf8', flag: 'a+' });
    if (text.endsWith('\n')) return JSON.parse(text) as Record<string, unknown>;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('rules that could hide nothing are refused', async () => {
  const bad = (rule: object) => testPlugin(plugin, { type: 'alibaba/logMask', config: { rules: [rule] } });
  await assert.rejects(
    bad({ location: 'REQUEST_HEADER' }),
    /gateway\.yaml:\d+:\d+ plugins\.under-test\.config\.rules\[0\]: "parameters" is missing/,
  );
  await assert.rejects(
    bad({ location: 'REQUEST_QUERY', parameters: ['a'], matchMode: 'D:3' }),
    /only content has a matchMode/,
  );
  await assert.rejects(
    bad({ location: 'RESPONSE_BODY', parameters: ['a'] }),
    /RESPONSE_BODY has no parameters/,
  );
  await assert.rejects(
    bad({ location: 'REQUEST_COOKIE', parameters: ['a'] }),
    /location: found "REQUEST_COOKIE"; allowed: REQUEST_HEADER/,
  );
  await assert.rejects(bad({ location: 'REQUEST_BODY', matchMode: 'X:3' }), /matchMode: .*allowed: D:n/);
  await assert.rejects(bad({ location: 'REQUEST_BODY', policy: 'KEEP_CENTER:3' }), /policy: .*allowed: ALL/);
});
