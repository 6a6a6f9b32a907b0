import { scriptOf } from '#sdk/redis';

/**
 * All that is known of calls is under one key's name, the first and only key of each script, and so in one slot of a Cluster:
 * `:call:ID` is a hash of the call, `:due:FUNCTION` holds the calls that wait by when they are due, `:leased` those that
 * a gateway makes by when its right to that ends, `:born` both by their age, and `:dead` the dead letters by their time of
 * death; `:bytes` says how much that is. The server's clock counts. A server that evicts may drop a call and keep its name.
 */
const common = `
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local leased, born, dead, sizes = base .. ':leased', base .. ':born', base .. ':dead', base .. ':bytes'
local function call(id) return base .. ':call:' .. id end
local function due(name) return base .. ':due:' .. name end
local function grow(what, bytes)
  if tonumber(bytes) ~= 0 then redis.call('HINCRBY', sizes, what, bytes) end
end
`;

/** A server that is full takes no more calls, and is still to be told what became of those that it has. */
const evenIfFull = '#!lua flags=allow-oom';

/** Arguments: how many bytes there may be, this call's, its fields. Answers whether there was room. */
export const addScript = scriptOf(`#!lua
${common}
local used = tonumber(redis.call('HGET', sizes, 'calls') or '0')
if used + ARGV[2] > tonumber(ARGV[1]) then return 0 end
local id = redis.call('INCR', base .. ':ids')
redis.call('HSET', call(id), 'bytes', ARGV[2], 'requestId', ARGV[3], 'function', ARGV[4], 'api', ARGV[5],
  'environment', ARGV[6], 'timeoutMs', ARGV[7], 'event', ARGV[8], 'acceptedAt', now, 'attempts', 0, 'reason', '')
redis.call('ZADD', due(ARGV[4]), now, id)
redis.call('ZADD', born, now, id)
grow('calls', ARGV[2])
return 1
`);

/** What `takeScript` answers of each call, behind its id, its token and its age. */
const takenFields = ['attempts', 'requestId', 'function', 'api', 'environment', 'timeoutMs', 'event'];

/**
 * Arguments: milliseconds of the lease, then functions, each with how many of its calls. A token goes with each call, by
 * which its holder is known. Answers the milliseconds until another one is due, -1 for none, then the calls.
 */
export const takeScript = scriptOf(`${evenIfFull}
${common}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now, 'LIMIT', 0, 100)) do
  local kept = redis.call('HMGET', call(id), 'function', 'acceptedAt')
  redis.call('ZREM', leased, id)
  if kept[1] then redis.call('ZADD', due(kept[1]), kept[2], id) end
end
local answer = {-1}
for i = 2, #ARGV, 2 do
  local waiting = due(ARGV[i])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', now, 'LIMIT', 0, ARGV[i + 1])) do
    local found = redis.call('HMGET', call(id), 'acceptedAt', '${takenFields.join("', '")}')
    redis.call('ZREM', waiting, id)
    if found[1] then
      local token = redis.call('INCR', base .. ':tokens')
      redis.call('ZADD', leased, now + ARGV[1], id)
      redis.call('HSET', call(id), 'token', token)
      found[1] = string.format('%.0f', now - found[1])
      answer[#answer + 1] = {id, token, unpack(found)}
    end
  end
  local next = redis.call('ZRANGEBYSCORE', waiting, string.format('(%.0f', now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if next[2] then
    local wait = next[2] - now
    if answer[1] < 0 or wait < answer[1] then answer[1] = wait end
  end
end
return answer
`);

/**
 * Arguments: milliseconds of the lease, then calls with their tokens. With 0 they are there for others at once. Answers the
 * ids of calls that somebody else has taken, or that are gone.
 */
export const renewScript = scriptOf(`${evenIfFull}
${common}
local lost = {}
for i = 2, #ARGV, 2 do
  local kept = redis.call('HMGET', call(ARGV[i]), 'token', 'function')
  if kept[1] == ARGV[i + 1] then
    redis.call('ZREM', due(kept[2]), ARGV[i])
    redis.call('ZADD', leased, now + ARGV[1], ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
`);

/**
 * Arguments: id, token, kind of the outcome, milliseconds until it is to be made again, attempts, reason. Does nothing
 * unless the call is still that holder's, so that a second time, or too late, changes nothing.
 */
export const settleScript = scriptOf(`${evenIfFull}
${common}
local id = ARGV[1]
local kept = redis.call('HMGET', call(id), 'token', 'function', 'bytes')
if kept[1] ~= ARGV[2] then return 0 end
redis.call('ZREM', leased, id)
redis.call('ZREM', due(kept[2]), id)
if ARGV[3] == 'again' then
  redis.call('ZADD', due(kept[2]), now + ARGV[4], id)
else
  redis.call('ZREM', born, id)
  grow('calls', -kept[3])
end
if ARGV[3] == 'done' then
  redis.call('DEL', call(id))
  return 1
end
redis.call('HDEL', call(id), 'token')
redis.call('HSET', call(id), 'attempts', ARGV[5], 'reason', ARGV[6])
if ARGV[3] == 'dead' then
  redis.call('HSET', call(id), 'deadAt', now)
  redis.call('ZADD', dead, now, id)
  grow('dead', kept[3])
end
return 1
`);

/**
 * Arguments: greatest age of calls, then of dead letters, in milliseconds, greatest size of all dead letters, how many to
 * look at. Answers how many calls were too old, and how many dead letters were dropped.
 */
export const tidyScript = scriptOf(`${evenIfFull}
${common}
local function before(age) return string.format('(%.0f', now - age) end
local expired, dropped = 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', born, '-inf', before(ARGV[1]), 'LIMIT', 0, ARGV[4])) do
  if not redis.call('ZSCORE', leased, id) then
    local kept = redis.call('HMGET', call(id), 'function', 'bytes', 'reason')
    redis.call('ZREM', born, id)
    if kept[1] then
      local reason = kept[3] == '' and 'too old' or 'too old; ' .. kept[3]
      redis.call('ZREM', due(kept[1]), id)
      redis.call('HDEL', call(id), 'token')
      redis.call('HSET', call(id), 'deadAt', now, 'reason', reason)
      redis.call('ZADD', dead, now, id)
      grow('calls', -kept[2])
      grow('dead', kept[2])
      expired = expired + 1
    end
  end
end
local function drop(id)
  grow('dead', -(redis.call('HGET', call(id), 'bytes') or 0))
  redis.call('ZREM', dead, id)
  redis.call('DEL', call(id))
  dropped = dropped + 1
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', dead, '-inf', before(ARGV[2]), 'LIMIT', 0, ARGV[4])) do drop(id) end
while dropped < tonumber(ARGV[4]) and tonumber(redis.call('HGET', sizes, 'dead') or '0') > tonumber(ARGV[3]) do
  local oldest = redis.call('ZRANGE', dead, 0, 0)
  if not oldest[1] then break end
  drop(oldest[1])
end
return {expired, dropped}
`);

/** Arguments: `requeue` or `delete`, then ids of dead letters. Answers how many of them were there. */
export const exhumeScript = scriptOf(`${evenIfFull}
${common}
local found = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  if redis.call('ZREM', dead, id) == 1 then
    local kept = redis.call('HMGET', call(id), 'function', 'bytes')
    grow('dead', -(kept[2] or 0))
    if ARGV[1] == 'requeue' and kept[1] then
      redis.call('HDEL', call(id), 'deadAt')
      redis.call('HSET', call(id), 'attempts', 0, 'acceptedAt', now)
      redis.call('ZADD', due(kept[1]), now, id)
      redis.call('ZADD', born, now, id)
      grow('calls', kept[2])
    else
      redis.call('DEL', call(id))
    end
    found = found + 1
  end
end
return found
`);
