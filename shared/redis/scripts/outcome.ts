/**
 * The atomic steps that end attempts, each with its keys, arguments and return value.
 *
 * @module
 */
import { PRELUDE, TELL } from "./common.ts";
import { REMOVE_LETTER } from "./dead_letters.ts";

/** Time over which the rate is taken, as the time constant of an exponential mean. */
const RATE_MEMORY_MS = 3000;

/**
 * Notes images as done, a batch at once, and from the time since the batch before, how many are done
 * in a millisecond. Only what was done while more waited tells how many could be: the rest tells how
 * many came. A time without jobs counts for nothing, because the submit that ends it takes the mark
 * away; a long silence, as where Redis or all workers were away, for no more than the memory.
 */
const NOTE_DONE = `
local function note_done(stream, load, group, images, now)
  if images == 0 then return end
  local rate, mark = unpack(redis.call('HMGET', load, 'rate', 'mark'))
  redis.call('HSET', load, 'mark', now)
  if not mark or unread(stream, group) <= 0 then return end
  local ms = math.max(1, now - mark)
  local old = rate and math.exp(-math.min(1, ms / ${RATE_MEMORY_MS})) or 0
  redis.call('HSET', load, 'rate', tonumber(rate or 0) * old + images / ms * (1 - old))
end
`;

/**
 * Ends attempts of one stream: acknowledges and deletes their entries, lowers the load, writes each
 * outcome unless there is one, tells the gateways. A worker that no longer owns an entry may settle
 * a success alone, and only first; its answers are those of the images from `first` on, and answers
 * that the record has stay. Gives for each job {state} | {'late', reason} | {'retell', tell}.
 *
 * KEYS start with stream, load, deadlines, ARGV with group, consumer, lane, images to note as done.
 */
const SETTLE_ATTEMPTS = `${TELL}${NOTE_DONE}
local stream, load, deadlines = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, lane = ARGV[1], ARGV[2], ARGV[3]
-- What is told of a job beside its outcome.
local names = {'owner', 'model', 'created', 'deadline', 'started', 'attempts', 'total', 'queueMs'}

local function read(job)
  local known = redis.call('HMGET', job.key, 'state', 'entry', 'tell', 'kept', 'done', unpack(names))
  local told
  job.state, job.bound, told, job.kept, job.done = unpack(known, 1, 5)
  job.known = {unpack(known, 6, 5 + #names)}
  job.created = job.known[3]
  job.live = job.state and not is_final(job.state)
  job.kept = tonumber(job.kept or job.done or 0)
  if job.live and told ~= job.tell then return {'retell', told} end
  -- An attempt that built on answers which Redis has forgotten is not whole.
  if job.live and job.answers and job.first > job.kept then return {'late', 'partial'} end
  if job.outcome ~= 'succeeded' and not owns(stream, group, consumer, job.entry) then
    return {'late', 'lost'}
  end
end

local function write(job, now)
  local fields = job.fields
  if job.answers then
    local before = job.kept > 0 and redis.call('HGET', job.key, 'results') .. ',' or ''
    local results = before .. table.concat(job.answers, ',', job.kept - job.first + 1)
    for _, v in ipairs({'results', results, 'done', job.first + #job.answers}) do
      table.insert(fields, v)
    end
  end
  for _, v in ipairs({'state', job.outcome, 'finished', now, 'totalMs', now - job.created}) do
    table.insert(fields, v)
  end
  local event = {'id', job.id, unpack(fields)}
  local function tell(name, value)
    if value then
      table.insert(event, name)
      table.insert(event, value)
    end
  end
  for i, name in ipairs(names) do tell(name, job.known[i]) end
  if not job.answers and job.done then
    tell('done', job.done)
    tell('results', redis.call('HGET', job.key, 'results'))
  end
  redis.call('HSET', job.key, unpack(fields))
  return event
end

local function settle(jobs)
  local replies, ours, entries = {}, {}, {}
  for i, job in ipairs(jobs) do
    replies[i] = read(job)
    if not replies[i] then
      ours[i] = job
      table.insert(entries, job.entry)
    end
  end
  if #entries > 0 then redis.call('XACK', stream, group, unpack(entries)) end
  local now, freed, images, bytes = now_ms(), 0, 0, 0
  local events, over, written = {}, {}, {}
  for i = 1, #jobs do
    local job = ours[i]
    if job then
      local duplicate = job.bound and job.bound ~= job.entry
      if redis.call('XDEL', stream, job.entry) == 1 and not duplicate then
        freed, images, bytes = freed + 1, images + job.images, bytes + job.bytes
      end
      if not job.state then
        replies[i] = {'late', 'gone'}
        table.insert(over, job.id)
      elseif duplicate then
        replies[i] = {'late', 'duplicate'}
      elseif not job.live or written[job.key] then
        replies[i] = {'late', written[job.key] or job.state}
      else
        events[i] = write(job, now)
        table.insert(over, job.id)
        written[job.key] = job.outcome
        replies[i] = {job.outcome}
      end
    end
  end
  if freed > 0 then
    lower(load, lane, freed, images, bytes)
    note_done(stream, load, group, tonumber(ARGV[4]), now)
  end
  if #over > 0 then redis.call('ZREM', deadlines, unpack(over)) end
  for i, job in ipairs(jobs) do
    if events[i] then tell_gateways(events[i], job.streams) end
  end
  return replies
end
`;

/**
 * Ends attempts of one stream with outcomes.
 *
 * KEYS: stream, load, deadlines, then for each job its record and the result streams to tell
 * ARGV: group, consumer, lane, images to note as done, then for each job: entry, images, bytes, id,
 * tell, number of result streams, state, number of the following names and values of the record,
 * these, and for a success the index of its first image, the number of answers, and these
 * Returns: for each job {state} | {'late', reason} | {'retell', tell}
 */
export const SETTLE = `${PRELUDE}${SETTLE_ATTEMPTS}
local at, key = 4, 3
local function argument()
  at = at + 1
  return ARGV[at]
end
local function arguments()
  local list = {}
  for i = 1, tonumber(argument()) do list[i] = argument() end
  return list
end
local jobs = {}
while at < #ARGV do
  key = key + 1
  local job = {key = KEYS[key], streams = {}}
  job.entry, job.images, job.bytes = argument(), argument(), argument()
  job.id, job.tell = argument(), argument()
  for i = 1, tonumber(argument()) do job.streams[i] = KEYS[key + i] end
  key = key + #job.streams
  job.outcome, job.fields = argument(), arguments()
  if job.outcome == 'succeeded' then
    job.first, job.answers = tonumber(argument()), arguments()
  end
  table.insert(jobs, job)
end
return settle(jobs)
`;

/**
 * Ends a job that cannot be done: as SETTLE with the state `failed`, and keeps its images with the
 * reason in the dead-letter stream, whose oldest entries make room.
 *
 * KEYS: stream, load, deadlines, job, dead letters, their bytes, their index, the result streams
 * to tell
 * ARGV: group, consumer, lane, images to note as done, entry, images, bytes, id, tell, error,
 * bytesMax, model, then name, value, … of the letter
 * Returns: as SETTLE for one job
 */
export const BURY = `${PRELUDE}${SETTLE_ATTEMPTS}${REMOVE_LETTER}
local entry, images, bytes, id, tell, error, bytesMax, model = unpack(ARGV, 5, 12)
local job = {key = KEYS[4], streams = {unpack(KEYS, 8)}, outcome = 'failed',
  entry = entry, images = images, bytes = bytes, id = id, tell = tell, fields = {'error', error}}
local settled = settle({job})[1]
if settled[1] ~= 'failed' then return settled end
local letter = redis.call('XADD', KEYS[5], '*', 'bytes', bytes, 'id', id, unpack(ARGV, 13))
redis.call('HSET', KEYS[7], id, letter .. ' ' .. model)
local held = redis.call('INCRBY', KEYS[6], bytes)
while held > tonumber(bytesMax) do
  local oldest = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)[1]
  if not oldest then break end
  held = remove_letter(KEYS[5], KEYS[6], KEYS[7], oldest)
end
return settled
`;
