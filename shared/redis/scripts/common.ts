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
 * Redis' clock in milliseconds; what is final; how many entries of a stream nobody has read; who owns an entry, which nobody does where the group
 * is gone; the way load is lowered.
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
local function lower(load_key, lane, jobs, images, bytes)
  local fields = {'jobs', 'bytes', 'images:' .. lane}
  local load = redis.call('HMGET', load_key, unpack(fields))
  local function less(i, amount)
    return math.max(0, tonumber(load[i] or 0) - amount)
  end
  redis.call('HSET', load_key,
    fields[1], less(1, jobs), fields[2], less(2, bytes), fields[3], less(3, images))
end
`;

/**
 * Tells gateways: `event` is name, value, …. A result stream that is gone, or that cannot be
 * written, is passed over.
 */
export const TELL = `
local function tell_gateways(event, streams)
  for _, stream in ipairs(streams) do
    redis.pcall('XADD', stream, 'NOMKSTREAM', '*', unpack(event))
  end
end
`;
