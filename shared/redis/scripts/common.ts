/**
 * Lua that several atomic steps share.
 *
 * Rules that hold in every script: all keys are declared and share one slot; time is Redis' own;
 * a record that does not exist is never written; where something ends or goes on, the first write
 * is one that passes with memory exhausted (XACK, XDEL, XCLAIM, ZREM, PEXPIRE), because after it
 * the others pass too.
 *
 * @module
 */

/**
 * Redis' clock in milliseconds; what is final; how many entries of a stream nobody has read; who
 * owns an entry, which nobody does where the group is gone; the way load is lowered.
 */
export const PRELUDE = `
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function is_final(state)
  return state == 'succeeded' or state == 'failed' or state == 'cancelled' or state == 'expired'
end
local function unread(stream, group)
  return redis.call('XLEN', stream) - (redis.pcall('XPENDING', stream, group)[1] or 0)
end
local function owns(stream, group, consumer, entry)
  return #redis.pcall('XPENDING', stream, group, entry, entry, 1, consumer) > 0
end
local function less(value, amount)
  return math.max(0, tonumber(value or 0) - amount)
end
local function lower(load_key, lane, jobs, images, bytes)
  local fields = {'jobs', 'bytes', 'images:' .. lane}
  local load = redis.call('HMGET', load_key, unpack(fields))
  redis.call('HSET', load_key, fields[1], less(load[1], jobs), fields[2], less(load[2], bytes),
    fields[3], less(load[3], images))
end
`;

/** Bytes of a job's story beyond which only its end is added. */
const STORY_BYTES_MAX = 4096;

/**
 * Adds a fact, as JSON, to a job's story: a list of `[at, fact]` with commas between. It is bounded,
 * because a job may be handed back any number of times; its end is always told.
 */
export const STORY = `
local function story_with(story, now, fact, is_end)
  local more = '{"kind":"more"}'
  if story and #story > ${STORY_BYTES_MAX} and not is_end then
    if string.find(story, more, 1, true) then return story end
    fact = more
  end
  return (story and story .. ',' or '') .. '[' .. now .. ',' .. fact .. ']'
end
`;

/**
 * Bytes of answers that are told with the news. Others are in the record alone, where a gateway
 * reads them: what is told stays in its stream until maintenance trims that.
 */
export const TOLD_BYTES_MAX = 32_768;

/**
 * Tells gateways: `news` is a list of an event each, as name, value, … from `id` on, with the result
 * streams that it is for: the first is that of the gateway which took the job in, the others joined.
 * What one stream is told is one entry. A stream that is gone, or that cannot be written, is passed
 * over; of an outcome, whose event names its record, the record then says so.
 */
export const TELL = `
local function tell_gateways(news)
  local entries = {}
  for _, told in ipairs(news) do
    for i, stream in ipairs(told.streams) do
      local entry = entries[stream] or {}
      for _, v in ipairs(told.event) do table.insert(entry, v) end
      if i > 1 then
        table.insert(entry, 'joined')
        table.insert(entry, 1)
      end
      entries[stream] = entry
    end
  end
  local missed = {}
  for stream, entry in pairs(entries) do
    local added = redis.pcall('XADD', stream, 'NOMKSTREAM', '*', unpack(entry))
    if type(added) ~= 'string' then missed[stream] = string.match(stream, ':results:(.*)$') end
  end
  if not next(missed) then return end
  for _, told in ipairs(news) do
    local names = {}
    for _, stream in ipairs(told.streams) do table.insert(names, missed[stream]) end
    if told.job and #names > 0 then
      redis.pcall('HSET', told.job, 'missed', table.concat(names, ' '))
    end
  end
end
`;
