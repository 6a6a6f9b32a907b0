import { createHash } from 'node:crypto';
import type { RedisClient } from './client.ts';

/** A Lua script, and the name that a server knows it by once it has run it. */
export interface RedisScript {
  readonly text: string;
  readonly digest: string;
}

export function scriptOf(text: string): RedisScript {
  return { text, digest: createHash('sha1').update(text).digest('hex') };
}

/** Runs a script, in one round trip unless the server has just started. Its keys must be in one slot of a Cluster. */
export async function runScript(
  client: RedisClient,
  { text, digest }: RedisScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(digest, keys.length, ...keys, ...args);
  } catch (error) {
    // A server that has just started does not know it. It was not run, so it is no second time.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(text, keys.length, ...keys, ...args);
  }
}
