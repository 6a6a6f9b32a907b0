import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type DataSet, DataSets, definePlugin } from '#sdk';
import { type TestGateway, VirtualClock, testGateway } from '#sdk/testing';

interface Loaded {
  readonly gateway: TestGateway;
  readonly clock: VirtualClock;
  readonly names: () => readonly string[];
  readonly set: (name: string) => DataSet;
  readonly page: (query?: string) => Promise<{ status: number | undefined; content: unknown }>;
}

/** A gateway with data sets, and the service as another plugin gets it. */
async function load(t: TestContext, dataSets: unknown): Promise<Loaded> {
  let service: DataSets | undefined;
  const user = definePlugin({
    name: 'data-sets-user',
    summary: 'Uses data sets.',
    setup(_section, kit) {
      service = kit.use(DataSets);
      return {};
    },
  });
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const gateway = await testGateway({
    config: { management: { port: 0 }, dataSets },
    plugins: [user],
    clock,
  });
  t.after(() => gateway.close());
  return {
    gateway,
    clock,
    names: () => service?.names ?? [],
    set(name) {
      const found = service?.byName(name);
      assert.ok(found !== undefined, name);
      return found;
    },
    async page(query = '') {
      const { status, body } = await gateway.manage(`/data-sets${query}`);
      return { status, content: JSON.parse(body) };
    },
  };
}

/** What is wrong with a configuration, a line each. */
async function problemsOf(dataSets: unknown): Promise<readonly string[]> {
  try {
    await (await testGateway({ config: { dataSets: dataSets as object } })).close();
    return [];
  } catch (error) {
    const { problems } = error as { problems?: readonly { path: string; message: string }[] };
    if (problems === undefined) throw error;
    return problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-data-sets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'items.txt');
  writeFileSync(file, text);
  return file;
}

test('without the section there is a service without sets, and no listener for the page is needed', async (t) => {
  const { names } = await load(t, {});
  assert.deepEqual(names(), []);
  assert.deepEqual(await problemsOf({}), []);
});

test('values are found as they are written, letter case included', async (t) => {
  const { set, names } = await load(t, {
    plans: { type: 'PARAMETER_ACCESS', items: ['gold', 'Silver', 'a b'] },
    gone: { type: 'JWT_BLOCKING', items: ['user-1'] },
  });
  assert.deepEqual(names(), ['plans', 'gone']);
  assert.equal(set('plans').type, 'PARAMETER_ACCESS');
  const found = ['gold', 'Silver', 'a b', 'silver', '', 'gold ', '__proto__'].map((item) =>
    set('plans').has(item),
  );
  assert.deepEqual(found, [true, true, true, false, false, false, false]);
  assert.deepEqual(set('plans').items(), ['gold', 'Silver', 'a b']);
});

test('an item that expires is gone at that moment, without a reload', async (t) => {
  const { set, clock } = await load(t, {
    gone: {
      type: 'JWT_BLOCKING',
      items: [
        { value: 'brief', expires: '2026-01-01T00:01:00Z' },
        { value: 'past', expires: '2020-01-01T00:00:00Z' },
        'ever',
      ],
    },
  });
  assert.deepEqual(set('gone').items(), ['brief', 'ever']);
  clock.advance(59_999);
  assert.equal(set('gone').has('brief'), true);
  clock.advance(1);
  assert.equal(set('gone').has('brief'), false);
  assert.equal(set('gone').has('ever'), true);
  assert.deepEqual(set('gone').items(), ['ever']);
});

test('the zone of an expiry counts', async (t) => {
  const { set, clock } = await load(t, {
    gone: { type: 'JWT_BLOCKING', items: [{ value: 'x', expires: '2026-01-01T09:00:00+08:00' }] },
  });
  clock.advance(3_599_999);
  assert.equal(set('gone').has('x'), true);
  clock.advance(1);
  assert.equal(set('gone').has('x'), false);
});

test('an address is in the blocks of its family, at their very ends too', async (t) => {
  const { set } = await load(t, {
    office: {
      type: 'IP_WHITELIST_CIDR',
      items: ['192.0.2.128/25', '198.51.100.7', '10.0.0.0/12', '2001:db8::/33', '::1'],
    },
  });
  const office = set('office');
  const inside = [
    '192.0.2.128',
    '192.0.2.255',
    '::ffff:192.0.2.129',
    '198.51.100.7',
    '10.15.255.255',
    '2001:db8:7fff::1',
    '::1',
  ];
  const outside = [
    '192.0.2.127',
    '192.0.3.0',
    '198.51.100.8',
    '10.16.0.0',
    '2001:db8:8000::',
    '::2',
    'x',
    '',
    '192.0.2.128/25',
  ];
  assert.deepEqual(
    inside.filter((address) => !office.has(address)),
    [],
  );
  assert.deepEqual(
    outside.filter((address) => office.has(address)),
    [],
  );
});

test('everything of a family is a block too, and a longer block outlives a shorter one around it', async (t) => {
  const { set, clock } = await load(t, {
    v4: { type: 'IP_WHITELIST_CIDR', items: ['0.0.0.0/0'] },
    nested: {
      type: 'IP_WHITELIST_CIDR',
      items: [{ value: '10.0.0.0/8', expires: '2026-01-01T00:00:01Z' }, '10.1.0.0/16'],
    },
  });
  assert.equal(set('v4').has('255.255.255.255'), true);
  assert.equal(set('v4').has('::1'), false);
  assert.equal(set('nested').has('10.2.0.1'), true);
  clock.advance(1_000);
  assert.equal(set('nested').has('10.2.0.1'), false);
  assert.equal(set('nested').has('10.1.0.1'), true);
});

test('blocks are found as a plain comparison of bits finds them', async (t) => {
  let seed = 7;
  const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff);
  const ipv4 = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
  const blocks = new Map<string, { value: number; bits: number }>();
  while (blocks.size < 150) {
    const bits = 8 + (next() % 25);
    const value = ((next() << 1) & (-1 << (32 - bits))) >>> 0;
    blocks.set(`${ipv4(value)}/${bits}`, { value, bits });
  }
  const { set } = await load(t, { random: { type: 'IP_WHITELIST_CIDR', items: [...blocks.keys()] } });
  const listed = [...blocks.values()];
  let hits = 0;
  for (let round = 0; round < 5_000; round += 1) {
    const near = listed[next() % listed.length]?.value ?? 0;
    const value = (near ^ (next() % 2 === 0 ? next() % 4_096 : 0)) >>> 0;
    const expected = listed.some((block) => (value ^ block.value) >>> (32 - block.bits) === 0);
    if (expected) hits += 1;
    assert.equal(set('random').has(ipv4(value)), expected, ipv4(value));
  }
  assert.ok(hits > 500 && hits < 5_000, `${hits} hits`);
});

test('a file adds to the items, one a line, behind a tab until when', async (t) => {
  const file = fileOf(t, '# gone\r\nfirst\r\n\r\n  second  \nbrief\t2026-01-01T00:01:00Z\n#not an item\na#b');
  const { set, clock } = await load(t, { gone: { type: 'JWT_BLOCKING', items: ['zeroth'], file } });
  assert.deepEqual(set('gone').items(), ['zeroth', 'first', 'second', 'brief', 'a#b']);
  clock.advance(60_000);
  assert.equal(set('gone').has('brief'), false);
});

test('a file may hold more than the configuration', async (t) => {
  const many = Array.from({ length: 100_000 }, (_, index) => `user-${index}`);
  const { set } = await load(t, { gone: { type: 'JWT_BLOCKING', file: fileOf(t, many.join('\n')) } });
  assert.equal(set('gone').has('user-99999'), true);
  const file = fileOf(t, [...many, 'one-more'].join('\n'));
  assert.deepEqual(await problemsOf({ gone: { type: 'JWT_BLOCKING', file } }), [
    'dataSets.gone.file: found 100001 items; allowed: at most 100000',
  ]);
});

test('a reload reads the file anew', async (t) => {
  const file = fileOf(t, 'first');
  const dataSets = { gone: { type: 'JWT_BLOCKING', file } };
  const { gateway, set } = await load(t, dataSets);
  writeFileSync(file, 'second');
  await gateway.reload({ management: { port: 0 }, dataSets });
  assert.deepEqual(set('gone').items(), ['second']);
});

test('what is wrong is told with its place', async (t) => {
  const items = (type: string, ...list: unknown[]) => ({ s: { type, items: list } });
  const cases: [unknown, RegExp][] = [
    [
      items('JWT_BLOCKING', 'a', 'b', 'a'),
      /^dataSets\.s\.items\[2\]: this item stands at items\[0\] already$/,
    ],
    [items('IP_WHITELIST_CIDR', '10.1.2.3/8', '10.0.0.0/8'), /items\[1\]: this item stands at items\[0\]/],
    [items('IP_WHITELIST_CIDR', '10.0.0.0/33'), /items\[0\]: this is no address .* and no block/],
    [items('IP_WHITELIST_CIDR', '10.0.0.1-10.0.0.9'), /this is no address/],
    [items('BASIC_AUTH_ACCESS', 'alice'), /a user name, a colon and a password$/],
    [items('BASIC_AUTH_ACCESS', ':pw'), /a user name, a colon and a password$/],
    [items('NO_SUCH'), /dataSets\.s\.type: found "NO_SUCH"; allowed: JWT_BLOCKING/],
    [
      items('JWT_BLOCKING', { value: 'x', expires: '2026-02-30T25:00:00Z' }),
      /items\[0\]: an expiry is a time with its zone/,
    ],
    [
      items('JWT_BLOCKING', { value: 'x', expires: '2026-01-01T00:00:00' }),
      /items\[0\]: an expiry is a time with its zone/,
    ],
    [
      items('JWT_BLOCKING', { value: 'x', until: '2026-01-01T00:00:00Z' }),
      /items\[0\]: found a mapping; allowed: text, or a mapping of "value" and "expires"$/,
    ],
    [items('JWT_BLOCKING', ' x'), /items\[0\]: a value is 1 to 1024 characters/],
    [items('JWT_BLOCKING', 12), /items\[0\]: found 12; allowed: text, or/],
    [items('JWT_BLOCKING', ...Array.from({ length: 201 }, (_, index) => `i${index}`)), /at most 200/],
    [{ s: { items: [] } }, /"type" is missing/],
    [{ s: { type: 'JWT_BLOCKING', file: 'no/such/file' } }, /dataSets\.s\.file: the file cannot be read/],
    [{ s: { type: 'JWT_BLOCKING', file: fileOf(t, 'a\n\nb\tsoon') } }, /file: line 3: an expiry is/],
    [
      { s: { type: 'JWT_BLOCKING', items: ['a'], file: fileOf(t, 'a') } },
      /line 1: this item stands at items\[0\]/,
    ],
  ];
  for (const [dataSets, expected] of cases) {
    const problems = await problemsOf(dataSets);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', expected);
  }
  const many = Object.fromEntries(
    Array.from({ length: 101 }, (_, index) => [`s${index}`, { type: 'JWT_BLOCKING' }]),
  );
  assert.match((await problemsOf(many)).join('\n'), /fewer than 100|NOT have more than 100|at most 100/);
});

test('a file of wrong lines is told ten times, not a hundred', async (t) => {
  const lines = Array.from({ length: 100 }, () => 'x\tsoon').join('\n');
  assert.equal((await problemsOf({ s: { type: 'JWT_BLOCKING', file: fileOf(t, lines) } })).length, 10);
});

test('no problem shows what an item of BASIC_AUTH_ACCESS holds', async (t) => {
  const wrong = [
    'hunter2-without-colon',
    'alice:hunter2',
    'alice:hunter2',
    { value: 'bob:hunter2', expires: 'x' },
    ' hunter2',
  ];
  const file = fileOf(t, 'hunter2\nalice:hunter2\talice:hunter2');
  const problems = [
    ...(await problemsOf({ s: { type: 'BASIC_AUTH_ACCESS', items: wrong } })),
    ...(await problemsOf({ s: { type: 'BASIC_AUTH_ACCESS', file } })),
  ];
  assert.equal(problems.length, 6, problems.join('\n'));
  assert.doesNotMatch(problems.join('\n'), /hunter2/);
});

test('the page tells counts of all sets and items of one, but nothing of users and passwords', async (t) => {
  const { page, clock, gateway } = await load(t, {
    gone: { type: 'JWT_BLOCKING', items: ['a', { value: 'b', expires: '2026-01-01T00:01:00Z' }] },
    office: { type: 'IP_WHITELIST_CIDR', items: ['10.0.0.0/8'] },
    users: { type: 'BASIC_AUTH_ACCESS', items: ['alice:hunter2'] },
  });
  const gone = {
    name: 'gone',
    type: 'JWT_BLOCKING',
    items: 2,
    expiring: 1,
    nextExpiry: '2026-01-01T00:01:00.000Z',
  };
  const office = { name: 'office', type: 'IP_WHITELIST_CIDR', items: 1, expiring: 0 };
  const users = { name: 'users', type: 'BASIC_AUTH_ACCESS', items: 1, expiring: 0 };
  assert.deepEqual(await page(), { status: 200, content: { dataSets: [gone, office, users] } });
  assert.deepEqual((await page('?name=gone')).content, {
    ...gone,
    values: [{ value: 'a' }, { value: 'b', expires: '2026-01-01T00:01:00.000Z' }],
  });
  assert.deepEqual((await page('?name=office&item=10.9.9.9')).content, {
    name: 'office',
    item: '10.9.9.9',
    has: true,
  });
  assert.deepEqual((await page('?name=users')).content, users);
  assert.equal((await page('?name=users&item=alice:hunter2')).status, 403);
  assert.deepEqual(await page('?name=offce'), {
    status: 404,
    content: { error: 'there is no data set "offce"; allowed: gone, office, users; did you mean "office"?' },
  });
  clock.advance(60_000);
  assert.deepEqual((await page('?name=gone')).content, {
    name: 'gone',
    type: 'JWT_BLOCKING',
    items: 1,
    expiring: 0,
    values: [{ value: 'a' }],
  });
  const { body } = await gateway.manage('/status');
  assert.match(body, /"name": "gone"/);
  assert.doesNotMatch(body, /hunter2/);
});
