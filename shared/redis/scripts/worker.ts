/**
 * The atomic steps of a worker, each with its keys, arguments and return value.
 *
 * @module
 */
import { CONCLUDE, PRELUDE, TELL } from "./common.ts";
import { REMOVE_LETTER } from "./dead_letters.ts";

/**
 * Drops an entry that nobody wants to be run: acknowledges and deletes it, and lowers the load for
 * it. KEYS start with stream and load, ARGV with group, consumer, lane. Gives the reason, or nil where the
 * entry is wanted.
 */
const DROP_UNWANTED = `
local function drop_unwanted(job, entry, images, bytes, state, bound)
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
    lower(KEYS[2], ARGV[3], images, bytes)
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
 * ARGV: group, consumer, lane, attemptsMax, then entry, images, bytes for each job
 * Returns: for each job {'run', attempt, tell, images answered, 1 where it is followed, else 0} |
 * {'expired', tell} | {'spent', tell, attempts} | {'drop', reason} | {'lost'}
 */
export const BEGIN = `${PRELUDE}${DROP_UNWANTED}
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = now_ms()
local function begin(job, entry, images, bytes)
  if not owns(stream, group, consumer, entry) then return {'lost'} end
  local state, bound, deadline, attempts, tell, created, started, worker, done, kept, followed =
    unpack(redis.call('HMGET', job, 'state', 'entry', 'deadline', 'attempts', 'tell', 'created',
      'started', 'worker', 'done', 'kept', 'followed'))
  local dropped = drop_unwanted(job, entry, images, bytes, state, bound)
  if dropped then return {'drop', dropped} end
  if now >= tonumber(deadline) then return {'expired', tell} end
  -- A consumer begins an entry again only after it was put off: this is a resend.
  local function run(attempt)
    return {'run', attempt, tell, tonumber(kept or done or 0), followed and 1 or 0}
  end
  if state == 'running' and worker == consumer then return run(tonumber(attempts)) end
  local attempt = tonumber(attempts or 0) + 1
  if attempt > tonumber(ARGV[4]) then return {'spent', tell, attempt - 1} end
  redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
  local fields = {'state', 'running', 'entry', entry, 'worker', consumer, 'attempts', attempt}
  if not started then
    for _, v in ipairs({'started', now, 'queueMs', now - created}) do table.insert(fields, v) end
  end
  redis.call('HSET', job, unpack(fields))
  return run(attempt)
end
local verdicts = {}
for i = 3, #KEYS do
  verdicts[i - 2] = begin(KEYS[i], ARGV[3 * i - 4], ARGV[3 * i - 3], ARGV[3 * i - 2])
end
return verdicts
`;

/**
 * Adds answers of the images from `first` on to those that the record has; what it has stays.
 * An answer is JSON, and a record's `results` are answers with commas between. The record has those
 * of `done` images, or of `kept` where that is less, because more would have been too many bytes.
 *
 * KEYS: stream, job, the result streams to tell
 * ARGV: group, consumer, entry, id, tell, bytesMax, first, the answers
 * Returns: {'done', images answered} | {'lost'} | {'retell', tell}
 */
export const PROGRESS = `${PRELUDE}${TELL}
local stream, job, group, consumer, entry = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
if not owns(stream, group, consumer, entry) then return {'lost'} end
local told = redis.call('HMGET', job, 'state', 'tell', 'followed', 'done', 'kept')
if told[1] ~= 'running' then return {'lost'} end
local followed, done, capped = told[3], tonumber(told[4] or 0), told[5]
if followed and told[2] ~= ARGV[5] then return {'retell', told[2]} end
redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
local first = tonumber(ARGV[7])
-- What Redis has forgotten of this attempt comes with its outcome.
if first > done then return {'done', done} end
local answers = table.concat(ARGV, ',', 8 + done - first)
local all = math.max(done, first + #ARGV - 7)
if all > done then
  local fields = {'done', all}
  if not capped then
    local before = done > 0 and redis.call('HGET', job, 'results') .. ',' or ''
    local fits = #before + #answers <= tonumber(ARGV[6])
    table.insert(fields, fits and 'results' or 'kept')
    table.insert(fields, fits and before .. answers or done)
  end
  redis.call('HSET', job, unpack(fields))
end
if not followed then return {'done', all} end
local names = {'owner', 'model', 'state', 'created', 'deadline', 'started', 'attempts', 'total',
  'done', 'queueMs'}
local event = {'id', ARGV[4], 'from', done}
if all > done then event = {'id', ARGV[4], 'from', done, 'results', answers} end
for i, value in ipairs(redis.call('HMGET', job, unpack(names))) do
  if value then
    table.insert(event, names[i])
    table.insert(event, value)
  end
end
tell_gateways(event, 3)
return {'done', all}
`;

/** Time over which the rate is taken, as the time constant of an exponential mean. */
const RATE_MEMORY_MS = 3000;

/**
 * Notes images as done, a batch at once, and from that how many are done in a millisecond. Only
 * what was done while more waited tells how many could be: the rest tells how many came. A time
 * without jobs counts for nothing, because the submit that ends it sets the mark.
 */
const NOTE_DONE = `
local function note_done(stream, load, group, images)
  if images == 0 then return end
  local now = now_ms()
  local rate, mark = unpack(redis.call('HMGET', load, 'rate', 'mark'))
  redis.call('HSET', load, 'mark', now)
  local unread = redis.call('XLEN', stream) - (redis.pcall('XPENDING', stream, group)[1] or 0)
  if not mark or unread <= 0 then return end
  local ms = math.max(1, now - mark)
  local old = rate and math.exp(-ms / ${RATE_MEMORY_MS}) or 0
  redis.call('HSET', load, 'rate', tonumber(rate or 0) * old + images / ms * (1 - old))
end
`;

/**
 * Ends an attempt: acknowledges and deletes the entry, lowers the load, writes the outcome unless
 * there is one, tells the gateways. A worker that no longer owns the entry may settle a success
 * alone, and only first; its answers are those of the images from `first` on, and answers that the
 * record has stay. Gives {state} | {'late', reason} | {'retell', tell}.
 */
const SETTLE_ATTEMPT = `${NOTE_DONE}
local function settle(outcome, from, fields, first, answers)
  local stream = KEYS[1]
  local group, consumer, lane, entry, images, bytes, done_now, id, tell = unpack(ARGV, 1, 9)
  local state, bound, created, told, done, kept =
    unpack(redis.call('HMGET', KEYS[3], 'state', 'entry', 'created', 'tell', 'done', 'kept'))
  local live = state and not is_final(state)
  if live and told ~= tell then return {'retell', told} end
  kept = tonumber(kept or done or 0)
  -- An attempt that built on answers which Redis has forgotten is not whole.
  if live and answers and first > kept then return {'late', 'partial'} end
  if outcome ~= 'succeeded' and not owns(stream, group, consumer, entry) then
    return {'late', 'lost'}
  end
  redis.call('XACK', stream, group, entry)
  local duplicate = bound and bound ~= entry
  if redis.call('XDEL', stream, entry) == 1 and not duplicate then
    lower(KEYS[2], lane, images, bytes)
    note_done(stream, KEYS[2], group, tonumber(done_now))
  end
  if not state then return {'late', 'gone'} end
  if duplicate then return {'late', 'duplicate'} end
  if not live then return {'late', state} end
  if answers then
    local before = kept > 0 and redis.call('HGET', KEYS[3], 'results') .. ',' or ''
    local results = before .. table.concat(answers, ',', kept - first + 1)
    for _, v in ipairs({'results', results, 'done', first + #answers}) do
      table.insert(fields, v)
    end
  end
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
 * ARGV: group, consumer, lane, entry, images, bytes, images to note as done, id, tell, state, number
 * of the following names and values of the record, these, then for a success the index of its first
 * image and the answers
 * Returns: {state} | {'late', reason} | {'retell', tell}
 */
export const SETTLE = `${PRELUDE}${CONCLUDE}${SETTLE_ATTEMPT}
local fields, answers = {}, nil
local last = 11 + ARGV[11]
for i = 12, last do table.insert(fields, ARGV[i]) end
if ARGV[10] == 'succeeded' then answers = {unpack(ARGV, last + 2)} end
return settle(ARGV[10], 5, fields, tonumber(ARGV[last + 1]), answers)
`;

/**
 * Ends a job that cannot be done: as SETTLE with the state `failed`, and keeps its images with the
 * reason in the dead-letter stream, whose oldest entries make room.
 *
 * KEYS: stream, load, job, deadlines, dead letters, their bytes, their index, the result streams
 * to tell
 * ARGV: as SETTLE to tell, then error, bytesMax, model, then name, value, … of the letter
 * Returns: as SETTLE
 */
export const BURY = `${PRELUDE}${CONCLUDE}${SETTLE_ATTEMPT}${REMOVE_LETTER}
local bytes, id, error, bytesMax, model =
  ARGV[6], ARGV[8], ARGV[10], tonumber(ARGV[11]), ARGV[12]
local settled = settle('failed', 8, {'error', error})
if settled[1] ~= 'failed' then return settled end
local letter = redis.call('XADD', KEYS[5], '*', 'bytes', bytes, 'id', id, unpack(ARGV, 13))
redis.call('HSET', KEYS[7], id, letter .. ' ' .. model)
local held = redis.call('INCRBY', KEYS[6], bytes)
while held > bytesMax do
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
 * KEYS: stream, load, job. ARGV: group, consumer, lane, entry, images, bytes
 * Returns: 1, or 0 where the entry is not ours, or nobody wants it any more
 */
export const HAND_BACK = `${PRELUDE}${DROP_UNWANTED}
local stream, job, group, consumer, entry = KEYS[1], KEYS[3], ARGV[1], ARGV[2], ARGV[4]
if not owns(stream, group, consumer, entry) then return 0 end
local state, bound, worker = unpack(redis.call('HMGET', job, 'state', 'entry', 'worker'))
if drop_unwanted(job, entry, ARGV[5], ARGV[6], state, bound) then return 0 end
local read = redis.call('XRANGE', stream, entry, entry)[1]
redis.call('XACK', stream, group, entry)
if not read then return 0 end
redis.call('XDEL', stream, entry)
local copy = redis.call('XADD', stream, '*', unpack(read[2]))
redis.call('HSET', job, 'state', 'queued', 'entry', copy)
if state == 'running' and worker == consumer then redis.call('HINCRBY', job, 'attempts', -1) end
return 1
`;
