/**
 * The atomic steps of a gateway, each with its keys, arguments and return value.
 *
 * @module
 */
import { CONCLUDE, PRELUDE } from "./common.ts";

/**
 * Admits a job: checks the bounds and creates its record. A resend of the same submit finds the
 * record and leaves it; another submit with the same idempotency key finds that key.
 *
 * KEYS: job, load, deadlines, and the idempotency key where there is one
 * ARGV: id, timeoutMs, keepMs, bytes, jobsMax, bytesMax, fingerprint, then name, value, … of the
 * record
 * Returns: {'queued' | 'exists', created} | {'same', id} | {'mismatch'} | {'full', jobs, bytes}
 */
export const SUBMIT = `${PRELUDE}
local created = redis.call('HGET', KEYS[1], 'created')
if created then return {'exists', created} end
local known = KEYS[4] and redis.call('GET', KEYS[4])
if known then
  local fingerprint, id = string.match(known, '^(%S+) (%S+)$')
  if fingerprint == ARGV[7] then return {'same', id} end
  return {'mismatch'}
end
local load = redis.call('HMGET', KEYS[2], 'jobs', 'bytes')
local jobs, bytes = tonumber(load[1] or 0), tonumber(load[2] or 0)
if jobs + 1 > tonumber(ARGV[5]) or bytes + ARGV[4] > tonumber(ARGV[6]) then
  return {'full', jobs, bytes}
end
local now = now_ms()
local deadline = now + ARGV[2]
redis.call('HSET', KEYS[2], 'jobs', jobs + 1, 'bytes', bytes + ARGV[4])
redis.call('HSET', KEYS[1], 'state', 'queued', 'created', now, 'deadline', deadline,
  unpack(ARGV, 8))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
redis.call('ZADD', KEYS[3], deadline, ARGV[1])
if KEYS[4] then
  redis.call('SET', KEYS[4], ARGV[7] .. ' ' .. ARGV[1], 'PX', ARGV[2] + ARGV[3])
end
return {'queued', now}
`;

/**
 * As SUBMIT, in one MULTI with the XADD of the entry, so that the image bytes need not pass through
 * Lua. XADD cannot be called off: a refused job is marked in the load, so that a worker which
 * meets the entry before the gateway has taken it back does not lower what was never raised.
 */
export const SUBMIT_BESIDE_ENTRY = `
local function submit()
${SUBMIT}
end
local submitted = submit()
if submitted[1] ~= 'queued' and submitted[1] ~= 'exists' then
  redis.call('HSET', KEYS[2], KEYS[1], 'refused')
end
return submitted
`;

/**
 * Reads a record and adds a gateway to those that are told of the outcome. Where it asks for
 * progress, all of them are told of that too.
 *
 * KEYS: job. ARGV: gateway, 1 for progress, else 0
 * Returns: the record, name, value, …; empty where there is none
 */
export const ATTACH = `${PRELUDE}
local state, tell, followed = unpack(redis.call('HMGET', KEYS[1], 'state', 'tell', 'followed'))
if not state then return {} end
if not is_final(state) then
  if not string.find(' ' .. tell .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then
    redis.call('HSET', KEYS[1], 'tell', tell == '' and ARGV[1] or (tell .. ' ' .. ARGV[1]))
  end
  if ARGV[2] == '1' and not followed then redis.call('HSET', KEYS[1], 'followed', 1) end
end
return redis.call('HGETALL', KEYS[1])
`;

/**
 * Ends a job without a worker: cancels it, or expires it past its deadline. Its entry stays in
 * the stream until a worker meets it and drops it, which also lowers the load.
 *
 * KEYS: job, deadlines, the result streams to tell. ARGV: id, state, tell
 * Returns: {'done' | 'final' | 'early' | 'gone'} | {'retell', tell}
 */
export const END = `${PRELUDE}${CONCLUDE}
local state, deadline, created, tell =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'deadline', 'created', 'tell'))
if not state then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {'gone'}
end
if is_final(state) then return {'final'} end
if tell ~= ARGV[3] then return {'retell', tell} end
local now = now_ms()
if ARGV[2] == 'expired' and now < tonumber(deadline) then return {'early'} end
conclude(KEYS[1], KEYS[2], ARGV[1],
  {'state', ARGV[2], 'finished', now, 'totalMs', now - created}, 3)
return {'done'}
`;

/**
 * Keeps a gateway's result stream alive, and makes it again where it is gone.
 *
 * KEYS: result stream, gateways. ARGV: lifetimeMs, gateway
 * Returns: nil while it was there; else the id of the first entry of the new one
 */
export const RENEW_FEED = `
if redis.call('PEXPIRE', KEYS[1], ARGV[1]) == 1 then return false end
local id = redis.call('XADD', KEYS[1], '*', 'hello', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[2])
return id
`;
