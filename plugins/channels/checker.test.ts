import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readHealthCheck } from './check-settings.ts';
import { Checker } from './checker.ts';
import { Endpoint } from './endpoint.ts';
import type { HealthCheckConfig } from './options.ts';
import type { Probe } from './probe.ts';

const defaults: HealthCheckConfig = {
  protocol: 'tcp',
  healthyThreshold: 2,
  unhealthyThreshold: 3,
  timeoutSeconds: 5,
  intervalSeconds: 10,
};

function settings(fields: Partial<HealthCheckConfig> = {}) {
  return readHealthCheck({ ...defaults, ...fields }, (path, message) =>
    assert.fail(`${path.join('.')}: ${message}`),
  );
}

/** A checker whose checks end when the test says so, on a clock that the test moves. */
function started(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const endpoint = new Endpoint('10.0.0.1', 80);
  const ends: ((reason: string | undefined) => void)[] = [];
  const signals: AbortSignal[] = [];
  let checks = 0;
  const probe: Probe = (_target, _settings, signal) => {
    checks += 1;
    signals.push(signal);
    return new Promise((resolve) => {
      ends.push(resolve);
    });
  };
  const changes: (string | undefined)[] = [];
  const target = { member: endpoint.address, address: endpoint.address, port: endpoint.port };
  const checker = new Checker(target, endpoint, settings(), probe, (reason) => changes.push(reason));
  return {
    endpoint,
    checker,
    changes,
    signals,
    checks: () => checks,
    /** Ends the check that runs, and lets the time until the next one pass. */
    result: async (reason: string | undefined, seconds = 10): Promise<void> => {
      ends.shift()?.(reason);
      await Promise.resolve();
      t.mock.timers.tick(seconds * 1000);
    },
  };
}

test('a member is healthy, and unhealthy, after as many results in a row as configured', async (t) => {
  const { endpoint, result, changes } = started(t);
  const health: string[] = [];
  for (const reason of [
    undefined,
    undefined,
    'a',
    'b',
    undefined,
    'c',
    'd',
    'e',
    undefined,
    'f',
    undefined,
  ]) {
    await result(reason);
    health.push(endpoint.health);
  }
  const expected =
    'unknown healthy healthy healthy healthy healthy healthy unhealthy unhealthy unhealthy unhealthy';
  assert.equal(health.join(' '), expected);
  await result(undefined);
  assert.equal(endpoint.health, 'healthy');
  assert.deepEqual(changes, [undefined, 'e', undefined]);
});

test('before anything is known, good and failed checks break each other up', async (t) => {
  const { endpoint, result } = started(t);
  for (const reason of [undefined, 'a', 'b', undefined, 'c', 'd']) await result(reason);
  assert.equal(endpoint.health, 'unknown');
  await result('e');
  assert.equal(endpoint.health, 'unhealthy');
});

test('the first check comes at once, the others one interval apart, never two at a time', async (t) => {
  const { checks, result, checker } = started(t);
  assert.equal(checks(), 1);
  t.mock.timers.tick(9_999);
  assert.equal(checks(), 1);
  t.mock.timers.tick(30_001);
  assert.equal(checks(), 1, 'the first one is still running');
  await result(undefined);
  assert.equal(checks(), 2);
  await result(undefined, 9);
  assert.equal(checks(), 2);
  t.mock.timers.tick(1000);
  assert.equal(checks(), 3);
  checker.stop();
});

test('a stopped checker checks no more, stops the check that runs, and tells nothing of it', async (t) => {
  const { checks, result, checker, signals, endpoint, changes } = started(t);
  await result(undefined);
  checker.stop();
  assert.equal(signals[0]?.aborted, true);
  await result(undefined);
  await result(undefined);
  assert.equal(checks(), 2);
  assert.equal(endpoint.health, 'unknown');
  assert.deepEqual(changes, []);
});

test('other settings hold from the next check on; the same ones change nothing', async (t) => {
  const { checks, result, checker, endpoint } = started(t);
  await result(undefined, 9);
  checker.update(settings());
  t.mock.timers.tick(1000);
  assert.equal(checks(), 2, 'the interval was not begun anew');
  checker.update(settings({ intervalSeconds: 20, healthyThreshold: 3 }));
  await result(undefined, 19);
  assert.equal(endpoint.health, 'unknown');
  assert.equal(checks(), 2);
  t.mock.timers.tick(1000);
  await result(undefined);
  assert.equal(endpoint.health, 'healthy');
});
