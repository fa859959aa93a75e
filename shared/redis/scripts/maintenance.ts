/**
 * The atomic steps of maintenance, each with its keys, arguments and return value.
 *
 * @module
 */
import { PRELUDE } from "./common.ts";

/**
 * Takes the maintainer's lease, or renews it where the token is ours.
 *
 * KEYS: maintainer. ARGV: token, lifetimeMs
 * Returns: 1 while held, else 0
 */
export const ELECT = `
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/**
 * Gives the lease back where the token is ours.
 *
 * KEYS: maintainer. ARGV: token. Returns: 1 where it was ours, else 0
 */
export const RESIGN = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;

/**
 * Trims the result streams by age, forgets the gateways whose stream is gone, names the overdue
 * jobs and the one whose deadline comes first, while the lease is ours. Job streams are never
 * trimmed: their entries go with their acknowledgement.
 *
 * KEYS: maintainer, deadlines, gateways, result streams
 * ARGV: token, keepMs, overdueMax, the gateways of the result streams
 * Returns: {trimmed, events left, overdue ids, nearest id or empty, milliseconds to its deadline or
 * -1} | nil without the lease
 */
export const TRIM = `${PRELUDE}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local now = now_ms()
local trimmed, left = 0, 0
for i = 4, #KEYS do
  local events = redis.call('XLEN', KEYS[i])
  if events > 0 then
    local old = redis.call('XTRIM', KEYS[i], 'MINID', string.format('%d', now - ARGV[2]))
    trimmed, left = trimmed + old, left + events - old
  elseif redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('SREM', KEYS[3], ARGV[i])
  end
end
local nearest, deadline = unpack(redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES'))
local untilDeadline = deadline and math.max(0, deadline - now) or -1
local overdue = {}
if untilDeadline == 0 then
  overdue = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[3])
end
return {trimmed, left, overdue, nearest or '', untilDeadline}
`;

/**
 * Lowers a model's load to what its streams can account for, whatever was lost with their data: no
 * more jobs than entries, no more bytes than the streams' memory, and nothing of what is empty.
 * Never raises it: an entry may be a copy that was not counted. A hosted Redis may refuse MEMORY.
 *
 * KEYS: maintainer, load, the model's job streams by lane. ARGV: token
 * Returns: 1 where it was lowered, else 0
 */
export const RECONCILE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
local jobsMax, bytesMax = 0, 0
for i = 3, #KEYS do
  local entries = redis.call('XLEN', KEYS[i])
  jobsMax = jobsMax + entries
  if entries == 0 then redis.call('HDEL', KEYS[2], 'images:' .. i - 3) end
  local used = redis.pcall('MEMORY', 'USAGE', KEYS[i], 'SAMPLES', 0)
  bytesMax = bytesMax + (type(used) == 'table' and math.huge or used or 0)
end
if jobsMax == 0 then return redis.call('DEL', KEYS[2]) end
local load = redis.call('HMGET', KEYS[2], 'jobs', 'bytes')
local jobs, bytes = tonumber(load[1] or 0), tonumber(load[2] or 0)
if jobs <= jobsMax and bytes <= bytesMax then return 0 end
redis.call('HSET', KEYS[2], 'jobs', math.min(jobs, jobsMax), 'bytes', math.min(bytes, bytesMax))
return 1
`;

/**
 * Forgets a worker that no longer beats, once no entries are pending with it: until then they are
 * for the others to claim. A stream without the group has nothing pending.
 *
 * KEYS: maintainer, beat, workers, the job streams. ARGV: token, group, worker
 * Returns: 1 where it was forgotten, else 0
 */
export const FORGET_WORKER = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
for i = 4, #KEYS do
  if #redis.pcall('XPENDING', KEYS[i], ARGV[2], '-', '+', 1, ARGV[3]) > 0 then return 0 end
end
for i = 4, #KEYS do redis.pcall('XGROUP', 'DELCONSUMER', KEYS[i], ARGV[2], ARGV[3]) end
return redis.call('HDEL', KEYS[3], ARGV[3])
`;

/**
 * Forgets a model that is not offered any more, with what is left of jobs that nobody can be
 * waiting for: no deadline is longer than the time since the newest entry. Dead letters keep it.
 *
 * KEYS: maintainer, models, offered, dead letters, their bytes, load, the model's job streams
 * ARGV: token, model, the longest time to a deadline
 * Returns: 1 where it was forgotten, else 0
 */
export const FORGET_MODEL = `${PRELUDE}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[3]) == 1 or redis.call('XLEN', KEYS[4]) > 0 then return 0 end
local overdue = now_ms() - ARGV[3]
for i = 7, #KEYS do
  local newest = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
  if newest and tonumber(string.match(newest[1], '^%d+')) > overdue then return 0 end
end
redis.call('UNLINK', unpack(KEYS, 4))
return redis.call('HDEL', KEYS[2], ARGV[2])
`;
