import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { type TestContext, suite, test } from 'node:test';
import { VirtualClock } from '#sdk/testing';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';

const connections = 64;

/** @param body what the API answers, to tell apart the configurations that served */
function configOf(limit: number, body: string) {
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    groups: { shop: { domains: ['*'] } },
    apis: {
      'shop/limited': {
        request: { method: 'GET', path: '/limited' },
        auth: 'none',
        backend: { type: 'mock', status: 200, body },
      },
    },
    plugins: {
      policy: {
        type: 'throttling',
        config: { period: { value: 1, unit: 'day' }, limits: { api: limit, ip: limit } },
      },
    },
    bindings: [{ plugin: 'policy', apis: ['shop/limited'] }],
  };
  return readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {});
}

interface Caller {
  readonly answers: string[];
  /** Each connection sends as many requests, one after the other; `seen` is told of every answer. */
  sendAll(each: number, seen?: (count: number) => void): Promise<void>;
}

/** 64 callers with a connection each, and a gateway whose day never ends. */
async function start(t: TestContext, limit: number): Promise<{ gateway: Gateway; caller: Caller }> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = new Gateway({ log, clock: new VirtualClock() });
  await gateway.apply(configOf(limit, 'before'), { listen: true });
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  t.after(async () => {
    for (const agent of agents) agent.destroy();
    await gateway.close();
  });
  const port = gateway.listeners[0]?.port ?? 0;
  const answers: string[] = [];
  return {
    gateway,
    caller: {
      answers,
      async sendAll(each, seen) {
        const turns = agents.map(async (agent) => {
          for (let turn = 0; turn < each; turn += 1) {
            answers.push(await request(port, agent));
            seen?.(answers.length);
          }
        });
        await Promise.all(turns);
      },
    },
  };
}

/** The body of a 200, else the status. */
function request(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/limited', agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : String(response.statusCode));
      });
    }).on('error', reject);
  });
}

function count(answers: readonly string[], answer: string): number {
  return answers.filter((each) => each === answer).length;
}

suite('64 connections at once', () => {
  for (const limit of [1, 63, 64, 500]) {
    test(`a limit of ${limit} admits exactly ${limit}`, async (t) => {
      const { caller } = await start(t, limit);
      await caller.sendAll(10);
      assert.equal(count(caller.answers, 'before'), limit);
      assert.equal(count(caller.answers, '429'), connections * 10 - limit);
    });
  }

  // Below and above what is sent by the time the new configuration is in force.
  for (const limit of [300, connections * 5 + 100]) {
    test(`a limit of ${limit} admits exactly ${limit} across a reload in the middle`, async (t) => {
      const { gateway, caller } = await start(t, limit);
      let applied: Promise<void> | undefined;
      await caller.sendAll(5, (seen) => {
        if (seen === 50) applied = gateway.apply(configOf(limit, 'after'), { listen: true });
      });
      assert.ok(applied, 'the reload began while calls were under way');
      await applied;
      await caller.sendAll(5);
      const before = count(caller.answers, 'before');
      const after = count(caller.answers, 'after');
      assert.ok(before >= 50, 'the first configuration served');
      assert.ok(limit < connections * 5 || after >= 100, 'the second one too');
      assert.equal(before + after, limit);
      assert.equal(count(caller.answers, '429'), connections * 10 - limit);
    });
  }
});
