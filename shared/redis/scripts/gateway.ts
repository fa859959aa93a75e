/**
 * The atomic steps of a gateway, each with its keys, arguments and return value.
 *
 * @module
 */
import { PRELUDE, TELL } from "./common.ts";

/**
 * Judges the load of a model, in images by lane. Before a job of a lane, what is there of its lane
 * will be done, and as much of each other, because lanes take turns: at the rate that was measured,
 * that is its wait, or -1 where there is no rate. A lane is greedy with more than its equal share.
 */
const WEIGH = `
local function weigh(load_key, lane, lanes)
  local fields = {'jobs', 'bytes', 'rate'}
  for i = 0, lanes - 1 do table.insert(fields, 'images:' .. i) end
  local load = redis.call('HMGET', load_key, unpack(fields))
  for i, value in ipairs(load) do load[i] = tonumber(value or 0) end
  local jobs, bytes, rate, own = load[1], load[2], load[3], load[4 + lane]
  local all, before = 0, 0
  for i = 4, #load do
    all = all + load[i]
    before = before + math.min(load[i], own)
  end
  return jobs, bytes, own, own * lanes > all, rate > 0 and math.ceil(before / rate) or -1
end
`;

/**
 * Admits a job: checks the bounds and creates its record. A resend of the same submit finds the
 * record and leaves it; another submit with the same idempotency key finds that key. A greedy lane
 * may fill a part of the bounds alone. Where workers have read all of the lane, its wait is no reason
 * to refuse it: they keep up, whatever the rate was.
 *
 * KEYS: job, load, deadlines, stream, and the idempotency key where there is one
 * ARGV: id, timeoutMs, keepMs, bytes, jobsMax, bytesMax, fingerprint, images, lane, number of lanes,
 * part of the bounds for a greedy lane, the longest wait or an empty text, group, then name, value, … of
 * the record
 * Returns: {'queued' | 'exists', created} | {'same', id} | {'mismatch'} |
 * {'full', jobs, bytes, waitMs or -1} | {'slow', waitMs}
 */
export const SUBMIT = `${PRELUDE}${WEIGH}
local created = redis.call('HGET', KEYS[1], 'created')
if created then return {'exists', created} end
local known = KEYS[5] and redis.call('GET', KEYS[5])
if known then
  local fingerprint, id = string.match(known, '^(%S+) (%S+)$')
  if fingerprint == ARGV[7] then return {'same', id} end
  return {'mismatch'}
end
local jobs, bytes, own, greedy, wait = weigh(KEYS[2], tonumber(ARGV[9]), tonumber(ARGV[10]))
local part = greedy and ARGV[11] or 1
if jobs + 1 > ARGV[5] * part or bytes + ARGV[4] > ARGV[6] * part then
  return {'full', jobs, bytes, wait}
end
if ARGV[12] ~= '' and wait > tonumber(ARGV[12]) and unread(KEYS[4], ARGV[13]) > 0 then
  return {'slow', wait}
end
local now = now_ms()
local deadline = now + ARGV[2]
redis.call('HSET', KEYS[2], 'jobs', jobs + 1, 'bytes', bytes + ARGV[4],
  'images:' .. ARGV[9], own + ARGV[8])
-- Without jobs, nothing is done: time counts again from the first batch on.
if jobs == 0 then redis.call('HDEL', KEYS[2], 'mark') end
redis.call('HSET', KEYS[1], 'state', 'queued', 'created', now, 'deadline', deadline,
  unpack(ARGV, 14))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
redis.call('ZADD', KEYS[3], deadline, ARGV[1])
if KEYS[5] then
  redis.call('SET', KEYS[5], ARGV[7] .. ' ' .. ARGV[1], 'PX', ARGV[2] + ARGV[3])
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
export const END = `${PRELUDE}${TELL}
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
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'finished', now, 'totalMs', now - created)
if #KEYS < 3 then return {'done'} end
local event = {'id', ARGV[1], unpack(redis.call('HGETALL', KEYS[1]))}
tell_gateways({{event = event, streams = {unpack(KEYS, 3)}}})
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
