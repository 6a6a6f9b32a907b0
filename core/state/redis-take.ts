import type { Limit, Taken } from '#sdk';
import { leftIn, untilNext } from './bucket.ts';
import { type RedisClient, runScript, scriptOf } from '#sdk/redis';

/** How much longer than its period a count is kept: a server's clock that goes back by less starts no period anew. */
const slackMs = 5000;

/**
 * Takes from all counts, or from none when one is used up. A count is kept as "window:used" under its key; the server's
 * clock, which all gateways share, says which window it is. Of a bucket it is "time:missing".
 * Arguments for each key: limit, period, how much to take, 1 for a bucket; where less is left of a count, that is taken.
 * Answers which one is used up (-1 for none), then for each what was used before, as text because a bucket has
 * fractions, and the milliseconds until its window ends.
 */
const script = scriptOf(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('MGET', unpack(KEYS))
local answer = {-1}
local windows = {}
for i = 1, #KEYS do
  local limit, period, bucket = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), ARGV[4 * i] == '1'
  local window, used = math.floor(now / period), 0
  if found[i] then
    local colon = string.find(found[i], ':', 1, true)
    local kept, count = tonumber(string.sub(found[i], 1, colon - 1)), tonumber(string.sub(found[i], colon + 1))
    if bucket then
      used = math.min(limit, math.max(0, count - math.max(0, now - kept) * limit / period))
    elseif kept >= window then
      window, used = kept, count
    end
  end
  if answer[1] < 0 and used + 1 > limit + 0.000001 then answer[1] = i - 1 end
  windows[i] = window
  answer[2 * i] = string.format('%.9f', used)
  answer[2 * i + 1] = (window + 1) * period - now
end
if answer[1] < 0 then
  for i = 1, #KEYS do
    local limit, period, used = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(answer[2 * i])
    if ARGV[4 * i] == '1' then
      local full = (used + 1) * period / limit
      redis.call('SET', KEYS[i], string.format('%.0f:%.9f', now, used + 1), 'PX', string.format('%.0f', full + ${slackMs}))
    else
      used = used + math.min(tonumber(ARGV[4 * i - 1]), limit - used)
      redis.call('SET', KEYS[i], string.format('%.0f:%.0f', windows[i], used), 'PX', string.format('%.0f', answer[2 * i + 1] + ${slackMs}))
    end
  end
end
return answer
`);

/** What the server answered for each limit. */
export interface Counts {
  /** Index of the first limit that is used up, in which case nothing was taken; -1 when there is none. */
  readonly refusedBy: number;
  /** Before anything was taken; of a bucket, what was missing from it. */
  readonly used: readonly number[];
  readonly resetMs: readonly number[];
}

/** Takes `wanted` of each limit, in one round trip. The keys must be in one slot. */
export async function takeCounts(
  client: RedisClient,
  keys: readonly string[],
  limits: readonly Limit[],
  wanted: (limit: Limit) => number,
): Promise<Counts> {
  const args: (string | number)[] = [];
  for (const limit of limits)
    args.push(limit.limit, limit.periodMs, wanted(limit), limit.isBucket === true ? 1 : 0);
  return toCounts(await runScript(client, script, keys, args), limits.length);
}

function toCounts(answer: unknown, length: number): Counts {
  if (!Array.isArray(answer) || answer.length !== 2 * length + 1)
    throw new Error('the store answered something else');
  const [refusedBy = -1, ...pairs] = answer.map(Number);
  const used: number[] = [];
  const resetMs: number[] = [];
  for (let at = 0; at < pairs.length; at += 2) {
    used.push(pairs[at] ?? 0);
    resetMs.push(pairs[at + 1] ?? 0);
  }
  return { refusedBy, used, resetMs };
}

/** What a request is told that took one of each. */
export function toTaken({ refusedBy, used, resetMs }: Counts, limits: readonly Limit[]): Taken {
  const taken = refusedBy < 0 ? 1 : 0;
  const remaining: number[] = [];
  const until: number[] = [];
  for (const [index, limit] of limits.entries()) {
    const count = (used[index] ?? 0) + taken;
    remaining.push(leftIn(count, limit));
    until.push(limit.isBucket === true ? untilNext(count, limit) : (resetMs[index] ?? 0));
  }
  return { refusedBy, remaining, resetMs: until };
}
