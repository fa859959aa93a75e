/**
 * The atomic steps of an attempt that goes on or is given back, each with its keys, arguments and
 * return value.
 *
 * @module
 */
import { PRELUDE, STORY, TELL, TOLD_BYTES_MAX } from "./common.ts";

/**
 * Drops an entry that nobody wants to be run: acknowledges and deletes it, and lowers the load for
 * it. KEYS start with stream and load, ARGV with group, consumer, lane; `delivery` is told in the
 * story where it is given. Gives the reason, or nil where the entry is wanted.
 */
const DROP_UNWANTED = `${STORY}
local worker_name = cjson.encode(ARGV[2])
local function drop_unwanted(job, entry, images, bytes, state, bound, story, now, delivery)
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
    lower(KEYS[2], ARGV[3], 1, images, bytes)
    -- Bound, so that another copy is known for one.
    if reason ~= 'gone' then
      local told = delivery and ',"delivery":' .. delivery or ''
      local fact = '{"kind":"dropped","worker":' .. worker_name .. told .. '}'
      redis.call('HSET', job, 'entry', entry, 'story', story_with(story, now, fact))
    end
  end
  return reason
end
`;

/** Deliveries that a consumer has at most, more than any does. */
const IN_HAND_MAX = 100_000;

/**
 * Marks the deliveries of one stream as running, each only while this consumer owns its entry
 * and the job still wants to be run. The first entry to begin is bound to the record; any other
 * copy is dropped.
 *
 * KEYS: stream, load, job, job, …
 * ARGV: group, consumer, lane, attemptsMax, then entry, images, bytes for each job
 * Returns: for each job {'run', attempt, tell, images answered, 1 where it is followed, else 0,
 * milliseconds since it was queued, or -1 where it was left running by a worker, milliseconds since
 * it was accepted} | {'expired', tell, how often delivered} | {'spent', tell, attempts} | {'drop', reason} | {'lost'}
 */
export const BEGIN = `${PRELUDE}${DROP_UNWANTED}
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local now = now_ms()
local owned, claimed = {}, {}
for _, pending in ipairs(redis.pcall('XPENDING', stream, group, '-', '+', ${IN_HAND_MAX}, consumer)) do
  owned[pending[1]] = pending[4]
end
for i = 5, #ARGV, 3 do
  if owned[ARGV[i]] then table.insert(claimed, ARGV[i]) end
end
if #claimed > 0 then
  table.insert(claimed, 'JUSTID')
  redis.call('XCLAIM', stream, group, consumer, 0, unpack(claimed))
end
local function begin(job, entry, images, bytes)
  if not owned[entry] then return {'lost'} end
  local state, bound, deadline, attempts, tell, created, started, worker, done, kept, followed,
    queued, story = unpack(redis.call('HMGET', job, 'state', 'entry', 'deadline', 'attempts', 'tell',
      'created', 'started', 'worker', 'done', 'kept', 'followed', 'queued', 'story'))
  local delivery = owned[entry]
  local dropped = drop_unwanted(job, entry, images, bytes, state, bound, story, now, delivery)
  if dropped then return {'drop', dropped} end
  if now >= tonumber(deadline) then return {'expired', tell, delivery} end
  -- A consumer begins an entry again only after it was put off: this is a resend.
  local first = tonumber(kept or done or 0)
  local function run(attempt)
    local waited = state == 'queued' and math.max(0, now - (queued or created)) or -1
    return {'run', attempt, tell, first, followed and 1 or 0, waited, now - created}
  end
  if state == 'running' and worker == consumer then return run(tonumber(attempts)) end
  local attempt = tonumber(attempts or 0) + 1
  if attempt > tonumber(ARGV[4]) then return {'spent', tell, attempt - 1} end
  local fact = '{"kind":"began","worker":' .. worker_name .. ',"attempt":' .. attempt
    .. ',"delivery":' .. delivery .. ',"from":' .. first .. '}'
  local fields = {'state', 'running', 'entry', entry, 'worker', consumer, 'attempts', attempt,
    'story', story_with(story, now, fact)}
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
  'done', 'queueMs', 'traceparent'}
local event = {'id', ARGV[4], 'from', done}
-- Without them, a gateway tells of answers that are not kept: they are in the record with the outcome.
if all > done and #answers <= ${TOLD_BYTES_MAX} then
  event = {'id', ARGV[4], 'from', done, 'results', answers}
end
for i, value in ipairs(redis.call('HMGET', job, unpack(names))) do
  if value then
    table.insert(event, names[i])
    table.insert(event, value)
  end
end
tell_gateways({{event = event, streams = {unpack(KEYS, 3)}}})
return {'done', all}
`;

/**
 * Puts an attempt off after a passing fault: the entry stays with this consumer and becomes due
 * for a claim after the delay.
 *
 * KEYS: stream, job. ARGV: group, consumer, entry, idleMs (claim idle time less the delay), fact
 * Returns: 1, or 0 where the entry is not ours or the job is over
 */
export const RETRY = `${PRELUDE}${STORY}
if not owns(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
local state, story = unpack(redis.call('HMGET', KEYS[2], 'state', 'story'))
if not state or is_final(state) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
local now = now_ms()
redis.call('HSET', KEYS[2], 'state', 'queued', 'queued', now,
  'story', story_with(story, now, ARGV[5]))
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
local state, bound, worker, story =
  unpack(redis.call('HMGET', job, 'state', 'entry', 'worker', 'story'))
local now = now_ms()
if drop_unwanted(job, entry, ARGV[5], ARGV[6], state, bound, story, now) then return 0 end
local read = redis.call('XRANGE', stream, entry, entry)[1]
redis.call('XACK', stream, group, entry)
if not read then return 0 end
redis.call('XDEL', stream, entry)
local copy = redis.call('XADD', stream, '*', unpack(read[2]))
local fact = '{"kind":"handed_back","worker":' .. worker_name .. '}'
redis.call('HSET', job, 'state', 'queued', 'entry', copy, 'queued', now,
  'story', story_with(story, now, fact))
if state == 'running' and worker == consumer then redis.call('HINCRBY', job, 'attempts', -1) end
return 1
`;
