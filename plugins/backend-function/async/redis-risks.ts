import type { Log } from '#sdk';
import type { RedisClient } from '#sdk/redis';

/** Warns of settings with which the server loses calls that it has taken. One that does not tell its settings is trusted. */
export async function tellRisks(client: RedisClient, log: Log): Promise<void> {
  const settings = `${await client.info('persistence')}\n${await client.info('memory')}`;
  const setting = (name: string): string | undefined =>
    new RegExp(`^${name}:(\\S+)`, 'm').exec(settings)?.[1];
  if (setting('aof_enabled') === '0')
    log.warn(
      { appendonly: 'no' },
      'the Redis of the queue of functions forgets calls when it restarts; allowed: appendonly yes',
    );
  const policy = setting('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction' && setting('maxmemory') !== '0')
    log.warn(
      { policy },
      'the Redis of the queue of functions drops calls when it is full; allowed: maxmemory-policy noeviction',
    );
}
