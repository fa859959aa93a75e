/**
 * The atomic steps, in Lua, each with its keys, arguments and return value.
 *
 * Rules that hold in every script: all keys are declared and share one slot; time is Redis' own;
 * a record that does not exist is never written; in a script that a worker runs, the first write
 * is XACK, XDEL or XCLAIM, because with memory exhausted those still pass and free what the
 * later writes need.
 *
 * @module
 */

/** Milliseconds of Redis' clock; whether a state is final; the way load is lowered. */
const PRELUDE = `
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function is_final(state)
  return state == 'succeeded' or state == 'failed' or state == 'cancelled' or state == 'expired'
end
local function lower(load_key, bytes)
  local load = redis.call('HMGET', load_key, 'jobs', 'bytes')
  redis.call('HSET', load_key,
    'jobs', math.max(0, tonumber(load[1] or 0) - 1),
    'bytes', math.max(0, tonumber(load[2] or 0) - tonumber(bytes)))
end
`;

/**
 * Writes an outcome and tells the gateways. `fields` are name, value, … of the record's change;
 * `from` is the index of the first result stream in KEYS.
 */
const CONCLUDE = `
local function conclude(job_key, deadlines_key, id, fields, from)
  redis.call('HSET', job_key, unpack(fields))
  redis.call('ZREM', deadlines_key, id)
  if #KEYS < from then return end
  local event = redis.call('HGETALL', job_key)
  table.insert(event, 'id')
  table.insert(event, id)
  for i = from, #KEYS do
    redis.pcall('XADD', KEYS[i], 'NOMKSTREAM', '*', unpack(event))
  end
end
`;

/**
 * Admits a job: checks the bounds and creates its record. Runs in one MULTI with the XADD of
 * the entry, so that the image bytes need not pass through Lua. A resend of the same submit
 * finds the record and leaves it.
 *
 * KEYS: job, load, deadlines
 * ARGV: id, timeoutMs, keepMs, bytes, jobsMax, bytesMax, then name, value, … of the record
 * Returns: {'queued'} | {'exists'} | {'full', jobs, bytes}
 */
export const SUBMIT = `${PRELUDE}
if redis.call('EXISTS', KEYS[1]) == 1 then return {'exists'} end
local load = redis.call('HMGET', KEYS[2], 'jobs', 'bytes')
local jobs, bytes = tonumber(load[1] or 0), tonumber(load[2] or 0)
if jobs + 1 > tonumber(ARGV[5]) or bytes + ARGV[4] > tonumber(ARGV[6]) then
  return {'full', jobs, bytes}
end
local now = now_ms()
local deadline = now + ARGV[2]
redis.call('HSET', KEYS[2], 'jobs', jobs + 1, 'bytes', bytes + ARGV[4])
redis.call('HSET', KEYS[1], 'state', 'queued', 'created', now, 'deadline', deadline,
  unpack(ARGV, 7))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
redis.call('ZADD', KEYS[3], deadline, ARGV[1])
return {'queued'}
`;

/**
 * Reads a record and adds a gateway to those that are told of the outcome.
 *
 * KEYS: job. ARGV: gateway
 * Returns: the record, name, value, …; empty where there is none
 */
export const ATTACH = `${PRELUDE}
local state, tell = unpack(redis.call('HMGET', KEYS[1], 'state', 'tell'))
if not state then return {} end
if not is_final(state) and not string.find(' ' .. tell .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then
  redis.call('HSET', KEYS[1], 'tell', tell == '' and ARGV[1] or (tell .. ' ' .. ARGV[1]))
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
 * Marks the deliveries of one stream as running, each only while this consumer owns its entry
 * and the job still wants to be run. The first entry to begin is bound to the record; any other
 * copy is dropped.
 *
 * KEYS: stream, load, job, job, …
 * ARGV: group, consumer, then entry, bytes for each job
 * Returns: for each job {'run', attempt, tell} | {'expired', tell} | {'drop', reason} | {'lost'}
 */
export const BEGIN = `${PRELUDE}
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = now_ms()
local function drop(entry, bytes, reason)
  redis.call('XACK', stream, group, entry)
  if redis.call('XDEL', stream, entry) == 1 and reason ~= 'duplicate' then
    lower(KEYS[2], bytes)
  end
  return {'drop', reason}
end
local function begin(job, entry, bytes)
  if #redis.call('XPENDING', stream, group, entry, entry, 1, consumer) == 0 then
    return {'lost'}
  end
  local state, bound, deadline, attempts, tell, created, started = unpack(
    redis.call('HMGET', job, 'state', 'entry', 'deadline', 'attempts', 'tell', 'created', 'started'))
  if not state then return drop(entry, bytes, 'gone') end
  if bound and bound ~= entry then return drop(entry, bytes, 'duplicate') end
  if is_final(state) then return drop(entry, bytes, state) end
  if now >= tonumber(deadline) then return {'expired', tell} end
  redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
  local attempt = tonumber(attempts or 0) + 1
  local fields = {'state', 'running', 'entry', entry, 'worker', consumer, 'attempts', attempt}
  if not started then
    for _, v in ipairs({'started', now, 'queueMs', now - created}) do table.insert(fields, v) end
  end
  redis.call('HSET', job, unpack(fields))
  return {'run', attempt, tell}
end
local verdicts = {}
for i = 3, #KEYS do
  verdicts[i - 2] = begin(KEYS[i], ARGV[2 * i - 3], ARGV[2 * i - 2])
end
return verdicts
`;

/**
 * Ends an attempt: acknowledges and deletes the entry, lowers the load, writes the outcome unless
 * there is one, tells the gateways. A worker that no longer owns the entry may settle a success
 * alone, and only first.
 *
 * KEYS: stream, load, job, deadlines, the result streams to tell
 * ARGV: group, consumer, entry, bytes, id, tell, state, then name, value, … of the record
 * Returns: {state} | {'late', reason} | {'retell', tell}
 */
export const SETTLE = `${PRELUDE}${CONCLUDE}
local stream, group, entry = KEYS[1], ARGV[1], ARGV[3]
local state, bound, created, tell =
  unpack(redis.call('HMGET', KEYS[3], 'state', 'entry', 'created', 'tell'))
local live = state and not is_final(state)
if live and tell ~= ARGV[6] then return {'retell', tell} end
if ARGV[7] ~= 'succeeded'
  and #redis.call('XPENDING', stream, group, entry, entry, 1, ARGV[2]) == 0 then
  return {'late', 'lost'}
end
redis.call('XACK', stream, group, entry)
local duplicate = bound and bound ~= entry
if redis.call('XDEL', stream, entry) == 1 and not duplicate then lower(KEYS[2], ARGV[4]) end
if not state then return {'late', 'gone'} end
if duplicate then return {'late', 'duplicate'} end
if not live then return {'late', state} end
local now = now_ms()
local fields = {'state', ARGV[7], 'finished', now, 'totalMs', now - created}
for i = 8, #ARGV do table.insert(fields, ARGV[i]) end
conclude(KEYS[3], KEYS[4], ARGV[5], fields, 5)
return {ARGV[7]}
`;

/**
 * Removes a consumer that has nothing pending: with something pending, its entries would stay in
 * the stream unread by anybody.
 *
 * KEYS: stream. ARGV: group, consumer. Returns: 1 where it was removed, else 0
 */
export const LEAVE = `
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
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

/**
 * Takes the maintainer's lease, or renews it where the token is ours.
 *
 * KEYS: maintainer. ARGV: token, lifetimeMs
 * Returns: 1 while held, else 0
 */
export const ELECT = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
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
 * Trims the result streams by age, forgets the gateways whose stream is gone and names the overdue
 * jobs, while the lease is ours. Job streams are never trimmed: their entries go with their
 * acknowledgement.
 *
 * KEYS: maintainer, deadlines, gateways, result streams
 * ARGV: token, keepMs, overdueMax, the gateways of the result streams
 * Returns: {trimmed, overdue ids} | nil without the lease
 */
export const TRIM = `${PRELUDE}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local now = now_ms()
local trimmed = 0
for i = 4, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    trimmed = trimmed + redis.call('XTRIM', KEYS[i], 'MINID', string.format('%d', now - ARGV[2]))
  else
    redis.call('SREM', KEYS[3], ARGV[i])
  end
end
local overdue = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[3])
return {trimmed, overdue}
`;

/**
 * Says that load is zero where a model's streams hold nothing, whatever crashes left behind.
 *
 * KEYS: maintainer, load, the model's job streams. ARGV: token
 * Returns: 1 where it was reset, else 0
 */
export const RECONCILE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 3, #KEYS do
  if redis.call('XLEN', KEYS[i]) > 0 then return 0 end
end
return redis.call('DEL', KEYS[2])
`;
