/**
 * The atomic steps that end attempts, each with its keys, arguments and return value.
 *
 * @module
 */
import { PRELUDE, STORY, TELL, TOLD_BYTES_MAX } from "./common.ts";
import { REMOVE_LETTER } from "./dead_letters.ts";

/** Time over which the rate is taken, as the time constant of an exponential mean. */
const RATE_MEMORY_MS = 3000;

/**
 * Lowers the load by what was deleted, says when, and notes images as done, a batch at once: from
 * the time since the batch before, how many are done in a millisecond. Only what was done while more
 * waited tells how many could be: the rest tells how many came. A time without jobs counts for
 * nothing, because the submit that ends it takes the mark away; a long silence, as where Redis or
 * all workers were away, for no more than the memory.
 */
const ACCOUNT = `
local function account(stream, load, group, lane, freed, noted, now)
  local of_lane = 'images:' .. lane
  local jobs, bytes, images, rate, mark =
    unpack(redis.call('HMGET', load, 'jobs', 'bytes', of_lane, 'rate', 'mark'))
  local fields = {'jobs', less(jobs, freed.jobs), 'bytes', less(bytes, freed.bytes),
    of_lane, less(images, freed.images), 'last', now}
  local function set(name, value)
    table.insert(fields, name)
    table.insert(fields, value)
  end
  if noted > 0 then
    set('mark', now)
    if mark and unread(stream, group) > 0 then
      local ms = math.max(1, now - mark)
      local old = rate and math.exp(-math.min(1, ms / ${RATE_MEMORY_MS})) or 0
      set('rate', tonumber(rate or 0) * old + noted / ms * (1 - old))
    end
  end
  redis.call('HSET', load, unpack(fields))
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
const SETTLE_ATTEMPTS = `${TELL}${STORY}${ACCOUNT}
local stream, load, deadlines = KEYS[1], KEYS[2], KEYS[3]
local group, consumer, lane = ARGV[1], ARGV[2], ARGV[3]
-- What is told of a job beside its outcome.
local names = {'owner', 'model', 'created', 'deadline', 'started', 'attempts', 'total', 'queueMs',
  'traceparent'}

local function read(job)
  local known = redis.call('HMGET', job.key, 'state', 'entry', 'tell', 'kept', 'done', 'story',
    unpack(names))
  local told
  job.state, job.bound, told, job.kept, job.done, job.story = unpack(known, 1, 6)
  job.known = {unpack(known, 7, 6 + #names)}
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
  local event = {'id', job.id}
  local function tell(name, value)
    if name == 'results' and value and #value > ${TOLD_BYTES_MAX} then name, value = 'apart', 1 end
    if value then
      table.insert(event, name)
      table.insert(event, value)
    end
  end
  for i = 1, #fields, 2 do tell(fields[i], fields[i + 1]) end
  for i, name in ipairs(names) do tell(name, job.known[i]) end
  if not job.answers and job.done then
    tell('done', job.done)
    tell('results', redis.call('HGET', job.key, 'results'))
  end
  redis.call('HSET', job.key, 'story', story_with(job.story, now, job.fact, true), unpack(fields))
  return event
end

-- What of the load is freed. Entries of live jobs are there, unless somebody has deleted them: then
-- the load is left for maintenance to lower.
local function delete(jobs)
  local freed, live = {jobs = 0, images = 0, bytes = 0}, {jobs = 0, images = 0, bytes = 0}
  local function add(sum, job)
    sum.jobs, sum.images, sum.bytes = sum.jobs + 1, sum.images + job.images, sum.bytes + job.bytes
  end
  local entries, listed = {}, {}
  for _, job in ipairs(jobs) do
    if job.live and not job.duplicate then
      if not listed[job.entry] then
        add(live, job)
        table.insert(entries, job.entry)
        listed[job.entry] = true
      end
    elseif redis.call('XDEL', stream, job.entry) == 1 and not job.duplicate then
      add(freed, job)
    end
  end
  if #entries == 0 or redis.call('XDEL', stream, unpack(entries)) < #entries then return freed end
  for name, amount in pairs(live) do freed[name] = freed[name] + amount end
  return freed
end

local function settle(jobs)
  local replies, ours, entries = {}, {}, {}
  for i, job in ipairs(jobs) do
    replies[i] = read(job)
    if not replies[i] then
      job.number, job.duplicate = i, job.bound and job.bound ~= job.entry
      table.insert(ours, job)
      table.insert(entries, job.entry)
    end
  end
  if #ours == 0 then return replies end
  redis.call('XACK', stream, group, unpack(entries))
  local freed, now = delete(ours), now_ms()
  local news, over, written = {}, {}, {}
  for _, job in ipairs(ours) do
    local reply
    if not job.state then
      reply = {'late', 'gone'}
      table.insert(over, job.id)
    elseif job.duplicate then
      reply = {'late', 'duplicate'}
    elseif not job.live or written[job.key] then
      reply = {'late', written[job.key] or job.state}
    else
      table.insert(news, {event = write(job, now), streams = job.streams, job = job.key})
      table.insert(over, job.id)
      written[job.key] = job.outcome
      reply = {job.outcome}
    end
    replies[job.number] = reply
  end
  if freed.jobs > 0 then account(stream, load, group, lane, freed, tonumber(ARGV[4]), now) end
  if #over > 0 then redis.call('ZREM', deadlines, unpack(over)) end
  tell_gateways(news)
  return replies
end
`;

/**
 * Ends attempts of one stream with outcomes.
 *
 * KEYS: stream, load, deadlines, then for each job its record and the result streams to tell
 * ARGV: group, consumer, lane, images to note as done, then for each job: entry, images, bytes, id,
 * tell, number of result streams, state, fact, number of the following names and values of the
 * record, these, and for a success the index of its first image, the number of answers, and these
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
  job.outcome, job.fact, job.fields = argument(), argument(), arguments()
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
 * ARGV: group, consumer, lane, images to note as done, entry, images, bytes, id, tell, fact, error,
 * bytesMax, model, then name, value, … of the letter
 * Returns: as SETTLE for one job
 */
export const BURY = `${PRELUDE}${SETTLE_ATTEMPTS}${REMOVE_LETTER}
local entry, images, bytes, id, tell, fact, error, bytesMax, model = unpack(ARGV, 5, 13)
local job = {key = KEYS[4], streams = {unpack(KEYS, 8)}, outcome = 'failed', fact = fact,
  entry = entry, images = images, bytes = bytes, id = id, tell = tell, fields = {'error', error}}
local settled = settle({job})[1]
if settled[1] ~= 'failed' then return settled end
local letter = redis.call('XADD', KEYS[5], '*', 'bytes', bytes, 'id', id, unpack(ARGV, 14))
redis.call('HSET', KEYS[7], id, letter .. ' ' .. model)
local held = redis.call('INCRBY', KEYS[6], bytes)
while held > tonumber(bytesMax) do
  local oldest = redis.call('XRANGE', KEYS[5], '-', '+', 'COUNT', 1)[1]
  if not oldest then break end
  held = remove_letter(KEYS[5], KEYS[6], KEYS[7], oldest)
end
return settled
`;
