/**
 * The atomic step that counts what an API key asks for.
 *
 * @module
 */
import { PRELUDE } from "./common.ts";

/**
 * Counts a job, unless it would break a bound. The window is the hash's lifetime, which begins with
 * the first job after the last window; jobs without an outcome are scored by the time at which they
 * count as done though nobody said so, because the gateway that would is gone.
 *
 * KEYS: quota, jobs without an outcome
 * ARGV: id, bytes, timeoutMs, windowMs, requestsMax, bytesMax, jobsMax; a bound that there is none
 * of is empty, and without one on jobs they are not kept
 * Returns: {'taken' | 'requests' | 'bytes' | 'jobs', requests, bytes, jobs, resetMs}
 */
export const TAKE = `${PRELUDE}
local now = now_ms()
local function breaks(amount, bound)
  return bound ~= '' and amount > tonumber(bound)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local jobs = redis.call('ZCARD', KEYS[2])
local used = redis.call('HMGET', KEYS[1], 'requests', 'bytes')
local requests, bytes = tonumber(used[1] or 0), tonumber(used[2] or 0)
local window = tonumber(ARGV[4])
local reset = redis.call('PTTL', KEYS[1])
-- None yet, or one from before the quota was changed.
if reset < 0 or reset > window then reset = window end
local broken = breaks(requests + 1, ARGV[5]) and 'requests'
  or breaks(bytes + ARGV[2], ARGV[6]) and 'bytes'
  or breaks(jobs + 1, ARGV[7]) and 'jobs'
if broken then return {broken, requests, bytes, jobs, reset} end
requests, bytes = requests + 1, bytes + ARGV[2]
redis.call('HSET', KEYS[1], 'requests', requests, 'bytes', bytes)
redis.call('PEXPIRE', KEYS[1], reset)
if ARGV[7] ~= '' then
  jobs = jobs + 1
  redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
  if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
  end
end
return {'taken', requests, bytes, jobs, reset}
`;
