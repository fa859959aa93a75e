/**
 * The atomic steps of a gateway, each with its keys, arguments and return value.
 *
 * @module
 */
import { PRELUDE, STORY, TELL } from "./common.ts";

/**
 * Judges the load of a model, in images by lane. Before a job of a lane, what is there of its lane
 * will be done, and as much of each other, because lanes take turns: at the rate that was measured,
 * that is its wait, or -1 where there is no rate. A lane is greedy with more than its equal share.
 */
const WEIGH = `
local function read_load(load_key, lanes)
  local fields = {'jobs', 'bytes', 'rate'}
  for i = 0, lanes - 1 do table.insert(fields, 'images:' .. i) end
  local load = redis.call('HMGET', load_key, unpack(fields))
  for i, value in ipairs(load) do load[i] = tonumber(value or 0) end
  return {jobs = load[1], bytes = load[2], rate = load[3], images = {unpack(load, 4)}}
end
local function weigh(load, lane)
  local own, all, before = load.images[lane + 1], 0, 0
  for _, images in ipairs(load.images) do
    all = all + images
    before = before + math.min(images, own)
  end
  return own * #load.images > all, load.rate > 0 and math.ceil(before / load.rate) or -1
end
`;

/**
 * Admits jobs of one lane of a model, in turn: checks the bounds and creates their records. A resend
 * of the same submit finds the record and leaves it; another submit with the same idempotency key
 * finds that key. A greedy lane may fill a part of the bounds alone. Where workers have read all of
 * the lane, its wait is no reason to refuse a job: they keep up, whatever the rate was.
 *
 * KEYS: load, deadlines, stream, then of each job: its record, and its idempotency key where it has
 * a fingerprint
 * ARGV: jobsMax, bytesMax, lane, number of lanes, part of the bounds for a greedy lane, group, then
 * of each job: id, timeoutMs, keepMs, bytes, images, the longest wait or an empty text, fingerprint
 * or an empty text, n, then n texts: name, value, … of the record
 * Returns: of each job: {'queued' | 'exists', created} | {'same', id} | {'mismatch'} |
 * {'full', jobs, bytes, waitMs or -1} | {'slow', waitMs}
 */
export const SUBMIT = `${PRELUDE}${WEIGH}
local load_key, deadlines, stream = KEYS[1], KEYS[2], KEYS[3]
local jobs_max, bytes_max, lane = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local load, now = read_load(load_key, tonumber(ARGV[4])), now_ms()
local idle, due = load.jobs == 0, {}
local function admit(job, known_key, id, timeout_ms, keep_ms, bytes, images, wait_max, fingerprint, record)
  local created = redis.call('HGET', job, 'created')
  if created then return {'exists', created} end
  local known = known_key and redis.call('GET', known_key)
  if known then
    local own, other = string.match(known, '^(%S+) (%S+)$')
    if own == fingerprint then return {'same', other} end
    return {'mismatch'}
  end
  local greedy, wait = weigh(load, lane)
  local part = greedy and ARGV[5] or 1
  if load.jobs + 1 > jobs_max * part or load.bytes + bytes > bytes_max * part then
    return {'full', load.jobs, load.bytes, wait}
  end
  if wait_max and wait > wait_max and unread(stream, ARGV[6]) > 0 then return {'slow', wait} end
  load.jobs, load.bytes = load.jobs + 1, load.bytes + bytes
  load.images[lane + 1] = load.images[lane + 1] + images
  redis.call('HSET', job, 'state', 'queued', 'created', now, 'deadline', now + timeout_ms,
    unpack(record))
  redis.call('PEXPIRE', job, timeout_ms + keep_ms)
  table.insert(due, now + timeout_ms)
  table.insert(due, id)
  if known_key then
    redis.call('SET', known_key, fingerprint .. ' ' .. id, 'PX', timeout_ms + keep_ms)
  end
  return {'queued', now}
end
local verdicts, key, arg = {}, 4, 7
while arg <= #ARGV do
  local id, timeout_ms, keep_ms, bytes, images, wait_max, fingerprint, n = unpack(ARGV, arg, arg + 7)
  local with_key = fingerprint ~= ''
  table.insert(verdicts, admit(KEYS[key], with_key and KEYS[key + 1], id, tonumber(timeout_ms),
    tonumber(keep_ms), tonumber(bytes), tonumber(images), tonumber(wait_max), fingerprint,
    {unpack(ARGV, arg + 8, arg + 7 + n)}))
  key, arg = key + (with_key and 2 or 1), arg + 8 + n
end
if #due > 0 then
  redis.call('ZADD', deadlines, unpack(due))
  redis.call('HSET', load_key, 'jobs', load.jobs, 'bytes', load.bytes,
    'images:' .. lane, load.images[lane + 1])
  -- Without jobs, nothing is done: time counts again from the first batch on.
  if idle then redis.call('HDEL', load_key, 'mark') end
end
return verdicts
`;

/**
 * As SUBMIT, in one MULTI with the XADDs of the entries, so that the image bytes need not pass
 * through Lua. XADD cannot be called off: a refused job is marked in the load, so that a worker
 * which meets the entry before the gateway has taken it back does not lower what was never raised.
 *
 * KEYS, ARGV: as SUBMIT
 * Returns: as SUBMIT, with 'again' last where the mark was there: so is the entry of an earlier try
 */
export const SUBMIT_BESIDE_ENTRIES = `
local function submit()
${SUBMIT}
end
local verdicts, key, arg = submit(), 4, 7
for _, verdict in ipairs(verdicts) do
  if verdict[1] ~= 'queued' and verdict[1] ~= 'exists' then
    local marked = redis.call('HSET', KEYS[1], KEYS[key], 'refused')
    if marked == 0 then table.insert(verdict, 'again') end
  end
  key, arg = key + (ARGV[arg + 6] ~= '' and 2 or 1), arg + 8 + ARGV[arg + 7]
end
return verdicts
`;

/**
 * Reads a record and adds a gateway to those that are told of the outcome. Where it asks for
 * progress, all of them are told of that too.
 *
 * KEYS: job. ARGV: gateway, 1 for progress, else 0
 * Returns: the record, name, value, …, and `now`, Redis' clock; empty where there is none
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
local record = redis.call('HGETALL', KEYS[1])
table.insert(record, 'now')
table.insert(record, now_ms())
return record
`;

/**
 * Ends a job without a worker: cancels it, or expires it past its deadline. Its entry stays in
 * the stream until a worker meets it and drops it, which also lowers the load.
 *
 * KEYS: job, deadlines, the result streams to tell. ARGV: id, state, tell, fact
 * Returns: {'done', model} | {'final' | 'early' | 'gone'} | {'retell', tell}
 */
export const END = `${PRELUDE}${TELL}${STORY}
local state, model, deadline, created, tell, story =
  unpack(redis.call('HMGET', KEYS[1], 'state', 'model', 'deadline', 'created', 'tell', 'story'))
if not state then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return {'gone'}
end
if is_final(state) then return {'final'} end
if tell ~= ARGV[3] then return {'retell', tell} end
local now = now_ms()
if ARGV[2] == 'expired' and now < tonumber(deadline) then return {'early'} end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'finished', now, 'totalMs', now - created,
  'story', story_with(story, now, ARGV[4], true))
if #KEYS < 3 then return {'done', model} end
local event = {'id', ARGV[1], unpack(redis.call('HGETALL', KEYS[1]))}
tell_gateways({{event = event, streams = {unpack(KEYS, 3)}, job = KEYS[1]}})
return {'done', model}
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
 * Reads all that is known of a job.
 *
 * KEYS: job
 * Returns: {the record, name, value, …; milliseconds for which it is kept; Redis' clock}, the record
 * empty where there is none
 */
export const READ_STORY = `${PRELUDE}
return {redis.call('HGETALL', KEYS[1]), redis.call('PTTL', KEYS[1]), now_ms()}
`;
