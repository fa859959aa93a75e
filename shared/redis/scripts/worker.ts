/**
 * The atomic steps of a worker, each with its keys, arguments and return value.
 *
 * @module
 */
import { CONCLUDE, PRELUDE } from "./common.ts";
import { REMOVE_LETTER } from "./dead_letters.ts";

/**
 * Drops an entry that nobody wants to be run: acknowledges and deletes it, and lowers the load for
 * it. KEYS start with stream and load, ARGV with the group. Gives the reason, or nil where the
 * entry is wanted.
 */
const DROP_UNWANTED = `
local function drop_unwanted(job, entry, bytes, state, bound)
  local reason
  if not state then
    reason = 'gone'
  elseif bound and bound ~= entry then
    reason = 'duplicate'
  elseif is_final(state) then
    reason = state
  else
    return
  end
  redis.call('XACK', KEYS[1], ARGV[1], entry)
  local deleted = redis.call('XDEL', KEYS[1], entry) == 1
  if reason == 'gone' and redis.call('HDEL', KEYS[2], job) == 1 then reason = 'refused' end
  if deleted and reason ~= 'duplicate' and reason ~= 'refused' then
    lower(KEYS[2], bytes)
    -- Bound, so that another copy is known for one.
    if reason ~= 'gone' then redis.call('HSET', job, 'entry', entry) end
  end
  return reason
end
`;

/**
 * Marks the deliveries of one stream as running, each only while this consumer owns its entry
 * and the job still wants to be run. The first entry to begin is bound to the record; any other
 * copy is dropped.
 *
 * KEYS: stream, load, job, job, …
 * ARGV: group, consumer, attemptsMax, then entry, bytes for each job
 * Returns: for each job {'run', attempt, tell} | {'expired', tell} | {'spent', tell, attempts} |
 * {'drop', reason} | {'lost'}
 */
export const BEGIN = `${PRELUDE}${DROP_UNWANTED}
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = now_ms()
local function begin(job, entry, bytes)
  if not owns(stream, group, consumer, entry) then return {'lost'} end
  local state, bound, deadline, attempts, tell, created, started, worker = unpack(redis.call('HMGET',
    job, 'state', 'entry', 'deadline', 'attempts', 'tell', 'created', 'started', 'worker'))
  local dropped = drop_unwanted(job, entry, bytes, state, bound)
  if dropped then return {'drop', dropped} end
  if now >= tonumber(deadline) then return {'expired', tell} end
  -- A consumer begins an entry again only after it was put off: this is a resend.
  if state == 'running' and worker == consumer then return {'run', tonumber(attempts), tell} end
  local attempt = tonumber(attempts or 0) + 1
  if attempt > tonumber(ARGV[3]) then return {'spent', tell, attempt - 1} end
  redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
  local fields = {'state', 'running', 'entry', entry, 'worker', consumer, 'attempts', attempt}
  if not started then
    for _, v in ipairs({'started', now, 'queueMs', now - created}) do table.insert(fields, v) end
  end
  redis.call('HSET', job, unpack(fields))
  return {'run', attempt, tell}
end
local verdicts = {}
for i = 3, #KEYS do
  verdicts[i - 2] = begin(KEYS[i], ARGV[2 * i - 2], ARGV[2 * i - 1])
end
return verdicts
`;

/**
 * Ends an attempt: acknowledges and deletes the entry, lowers the load, writes the outcome unless
 * there is one, tells the gateways. A worker that no longer owns the entry may settle a success
 * alone, and only first. Gives {state} | {'late', reason} | {'retell', tell}.
 */
const SETTLE_ATTEMPT = `
local function settle(group, consumer, entry, bytes, id, tell, outcome, from, fields)
  local stream = KEYS[1]
  local state, bound, created, told =
    unpack(redis.call('HMGET', KEYS[3], 'state', 'entry', 'created', 'tell'))
  local live = state and not is_final(state)
  if live and told ~= tell then return {'retell', told} end
  if outcome ~= 'succeeded' and not owns(stream, group, consumer, entry) then
    return {'late', 'lost'}
  end
  redis.call('XACK', stream, group, entry)
  local duplicate = bound and bound ~= entry
  if redis.call('XDEL', stream, entry) == 1 and not duplicate then lower(KEYS[2], bytes) end
  if not state then return {'late', 'gone'} end
  if duplicate then return {'late', 'duplicate'} end
  if not live then return {'late', state} end
  local now = now_ms()
  for _, v in ipairs({'state', outcome, 'finished', now, 'totalMs', now - created}) do
    table.insert(fields, v)
  end
  conclude(KEYS[3], KEYS[4], id, fields, from)
  return {outcome}
end
`;

/**
 * Ends an attempt with an outcome.
 *
 * KEYS: stream, load, job, deadlines, the result streams to tell
 * ARGV: group, consumer, entry, bytes, id, tell, state, then name, value, … of the record
 * Returns: {state} | {'late', reason} | {'retell', tell}
 */
export const SETTLE = `${PRELUDE}${CONCLUDE}${SETTLE_ATTEMPT}
local fields = {}
for i = 8, #ARGV do table.insert(fields, ARGV[i]) end
return settle(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 5, fields)
`;

/**
 * Ends a job that cannot be done: as SETTLE with the state `failed`, and keeps its images with the
 * reason in the dead-letter stream, whose oldest entries make room.
 *
 * KEYS: stream, load, job, deadlines, dead letters, their bytes, their index, the result streams
 * to tell
 * ARGV: group, consumer, entry, bytes, id, tell, error, bytesMax, model, then name, value, … of the
 * letter
 * Returns: as SETTLE
 */
export const BURY = `${PRELUDE}${CONCLUDE}${SETTLE_ATTEMPT}${REMOVE_LETTER}
local settled = settle(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], 'failed', 8,
  {'error', ARGV[7]})
if settled[1] ~= 'failed' then return settled end
local letter = redis.call('XADD', KEYS[5], '*', 'bytes', ARGV[4], 'id', ARGV[5], unpack(ARGV, 10))
redis.call('HSET', KEYS[7], ARGV[5], letter .. ' ' .. ARGV[9])
local held = redis.call('INCRBY', KEYS[6], ARGV[4])
while held > tonumber(ARGV[8]) do
  local oldest = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)[1]
  if not oldest then break end
  held = remove_letter(KEYS[5], KEYS[6], KEYS[7], oldest)
end
return settled
`;

/**
 * Puts an attempt off after a passing fault: the entry stays with this consumer and becomes due
 * for a claim after the delay.
 *
 * KEYS: stream, job. ARGV: group, consumer, entry, idleMs (claim idle time less the delay)
 * Returns: 1, or 0 where the entry is not ours or the job is over
 */
export const RETRY = `${PRELUDE}
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
local state = redis.call('HGET', KEYS[2], 'state')
if not state or is_final(state) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
redis.call('HSET', KEYS[2], 'state', 'queued')
return 1
`;

/**
 * Hands a delivery back: a copy of its entry at the end of the stream, which wakes a blocked
 * worker, takes the place of the one that is ours. An attempt that this consumer began is not
 * counted. The images are copied here, so that they need not be sent once more.
 *
 * KEYS: stream, load, job. ARGV: group, consumer, entry, bytes
 * Returns: 1, or 0 where the entry is not ours, or nobody wants it any more
 */
export const HAND_BACK = `${PRELUDE}${DROP_UNWANTED}
local stream, job, group, consumer, entry = KEYS[1], KEYS[3], ARGV[1], ARGV[2], ARGV[3]
if not owns(stream, group, consumer, entry) then return 0 end
local state, bound, worker = unpack(redis.call('HMGET', job, 'state', 'entry', 'worker'))
if drop_unwanted(job, entry, ARGV[4], state, bound) then return 0 end
local read = redis.call('XRANGE', stream, entry, entry)[1]
redis.call('XACK', stream, group, entry)
if not read then return 0 end
redis.call('XDEL', stream, entry)
local copy = redis.call('XADD', stream, '*', unpack(read[2]))
redis.call('HSET', job, 'state', 'queued', 'entry', copy)
if state == 'running' and worker == consumer then redis.call('HINCRBY', job, 'attempts', -1) end
return 1
`;

/**
 * Says that this consumer still works on its entries, so that nobody claims them.
 *
 * KEYS: stream. ARGV: group, consumer, entries
 * Returns: how many are no longer ours
 */
export const HOLD = `${PRELUDE}
local lost = 0
for i = 3, #ARGV do
  if owns(KEYS[1], ARGV[1], ARGV[2], ARGV[i]) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
  else
    lost = lost + 1
  end
end
return lost
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
