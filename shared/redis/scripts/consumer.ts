/**
 * The atomic steps of a worker as a consumer of its group, each with its keys, arguments and return
 * value.
 *
 * @module
 */
import { PRELUDE } from "./common.ts";

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
 * The longest silence of a delivery to anybody, or what was asked for where none is so long. A model
 * without a load has no entries.
 *
 * KEYS: for each model its load, then its streams by lane
 * ARGV: group, atLeastMs, how many of a stream are looked at, number of lanes
 * Returns: milliseconds
 */
export const LONGEST_IDLE = `
local longest = tonumber(ARGV[2])
local function look(stream)
  for _, pending in ipairs(redis.call('XPENDING', stream, ARGV[1], 'IDLE', ARGV[2], '-', '+', ARGV[3])) do
    longest = math.max(longest, pending[3])
  end
end
for load = 1, #KEYS, ARGV[4] + 1 do
  if redis.call('EXISTS', KEYS[load]) == 1 then
    for lane = 1, ARGV[4] do look(KEYS[load + lane]) end
  end
end
return longest
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
