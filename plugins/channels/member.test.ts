import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { lonelyMachine } from '#sdk/testing';
import { readHealthCheck } from './check-settings.ts';
import { type Claim, Member } from './member.ts';

const check = readHealthCheck(
  { protocol: 'tcp', healthyThreshold: 1, unhealthyThreshold: 1, timeoutSeconds: 5, intervalSeconds: 10 },
  () => assert.fail('the settings are fine'),
);

/** A member whose name stands for what the test says, on a clock that the test moves. */
function started(t: TestContext, host: string) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const world = { addresses: ['10.0.0.1'] as readonly string[] | Error, lookups: 0, warnings: 0 };
  const checked: string[] = [];
  const running = new Set<string>();
  const member = new Member('pool', host, 80, {
    machine: lonelyMachine(),
    log: {
      info: () => undefined,
      warn: () => {
        world.warnings += 1;
      },
      error: () => undefined,
    },
    async probe({ address }) {
      assert.ok(!running.has(address), `${address} is checked twice at a time`);
      running.add(address);
      checked.push(address);
      await Promise.resolve();
      running.delete(address);
      return undefined;
    },
    lookup() {
      world.lookups += 1;
      const { addresses } = world;
      return addresses instanceof Error ? Promise.reject(addresses) : Promise.resolve(addresses);
    },
  });
  return {
    member,
    world,
    checked,
    addresses: () => member.endpoints.map(({ address }) => address),
    tick: async (ms: number): Promise<void> => {
      t.mock.timers.tick(ms);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    },
  };
}

function claim(fields: Partial<Claim> = {}): Claim & { changes: number } {
  const made = {
    check: undefined,
    resolveMs: 30_000,
    changes: 0,
    changed() {
      made.changes += 1;
    },
    ...fields,
  };
  return made;
}

test('a name stands for itself until it is looked up, then for all its addresses, again and again', async (t) => {
  const { member, world, addresses, tick } = started(t, 'orders.example');
  const one = claim();
  member.claim(one);
  assert.deepEqual(addresses(), ['orders.example']);
  world.addresses = ['10.0.0.2', '10.0.0.1'];
  await tick(0);
  assert.deepEqual(addresses(), ['10.0.0.1', '10.0.0.2']);
  assert.equal(one.changes, 1);
  const kept = member.endpoints[1];
  world.addresses = ['10.0.0.3', '10.0.0.2'];
  await tick(29_999);
  assert.equal(world.lookups, 1);
  await tick(1);
  assert.deepEqual(addresses(), ['10.0.0.2', '10.0.0.3']);
  assert.equal(member.endpoints[0], kept, 'what is known of an address that stays is kept');
  await tick(30_000);
  assert.deepEqual([world.lookups, one.changes], [3, 2], 'nothing has changed');
});

test('where nobody looks it up any more, the name stands for itself again', async (t) => {
  const { member, world, addresses, tick } = started(t, 'orders.example');
  const end = member.claim(claim());
  await tick(0);
  assert.deepEqual(addresses(), ['10.0.0.1']);
  const one = claim({ resolveMs: undefined });
  member.claim(one);
  end();
  await tick(100_000);
  assert.deepEqual([addresses(), world.lookups, one.changes], [['orders.example'], 1, 1]);
});

test('a name that cannot be looked up keeps its addresses; it is told once', async (t) => {
  const { member, world, addresses, tick } = started(t, 'orders.example');
  member.claim(claim());
  await tick(0);
  for (const wrong of [new Error('ENOTFOUND'), []]) {
    world.addresses = wrong;
    await tick(30_000);
    await tick(30_000);
    assert.deepEqual(addresses(), ['10.0.0.1']);
  }
  assert.equal(world.warnings, 1);
});

test('an address is not looked up', async (t) => {
  const { member, world, tick } = started(t, '10.0.0.1');
  member.claim(claim());
  await tick(60_000);
  assert.equal(world.lookups, 0);
});

test('each address is checked; one that is gone is not', async (t) => {
  const { member, world, checked, tick } = started(t, 'orders.example');
  world.addresses = ['10.0.0.1', '10.0.0.2'];
  member.claim(claim({ check }));
  await tick(0);
  assert.deepEqual([...new Set(checked)].sort(), ['10.0.0.1', '10.0.0.2', 'orders.example']);
  assert.deepEqual(
    member.endpoints.map(({ health }) => health),
    ['healthy', 'healthy'],
  );
  world.addresses = ['10.0.0.2'];
  await tick(30_000);
  checked.length = 0;
  await tick(10_000);
  assert.deepEqual(checked, ['10.0.0.2']);
});

test('of two configurations the newer one counts, and nothing is checked twice; without any, nothing is', async (t) => {
  const { member, checked, tick } = started(t, '10.0.0.1');
  const endOld = member.claim(claim({ check }));
  await tick(0);
  assert.equal(checked.length, 1);
  const endNew = member.claim(claim({ check }));
  await tick(0);
  await tick(10_000);
  assert.equal(checked.length, 2);
  endOld();
  await tick(10_000);
  assert.equal(checked.length, 3);
  const endWithout = member.claim(claim());
  await tick(20_000);
  assert.equal(checked.length, 3);
  assert.equal(member.endpoints[0]?.health, 'unknown', 'what nobody checks counts as healthy');
  endNew();
  endWithout();
  member[Symbol.dispose]();
  await tick(100_000);
  assert.equal(checked.length, 3);
});

test('a configuration that is given up at once starts nothing and changes nothing', async (t) => {
  const { member, world, checked, tick } = started(t, 'orders.example');
  member.claim(claim({ check }))();
  await tick(100_000);
  assert.deepEqual([checked.length, world.lookups], [0, 0]);
});
