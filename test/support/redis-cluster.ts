import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { pause } from '../gateway/support/within.ts';
import { type RedisServer, startRedis } from './redis.ts';

const slots = 16_384;

/** Three masters that share the slots; gone after the test. */
export async function startCluster(t: TestContext): Promise<{ servers: RedisServer[]; clients: Redis[] }> {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000'];
  const servers = await Promise.all([startRedis(args), startRedis(args), startRedis(args)]);
  const clients = servers.map(({ port }) => new Redis(port));
  t.after(async () => {
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  });
  const third = Math.ceil(slots / 3);
  for (const [index, client] of clients.entries()) {
    await client.cluster('ADDSLOTSRANGE', index * third, Math.min(slots, (index + 1) * third) - 1);
    if (index > 0) await client.cluster('MEET', '127.0.0.1', servers[0]?.port ?? 0);
  }
  for (const client of clients)
    while (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(await client.cluster('INFO'))) await pause(20);
  return { servers, clients };
}
