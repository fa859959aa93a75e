/**
 * The atomic steps of those who administer dead letters, each with its keys, arguments and return
 * value.
 *
 * A letter is an entry of its model's stream; the shard's index leads from the job's id to it:
 *
 * ```text
 * bytes N  id ID  reason TEXT  attempts N  [version N]  [top N]  image BYTES  [image BYTES …]
 * ```
 *
 * A script that reads a letter takes its images into Redis' Lua, but never more than one letter's.
 *
 * @module
 */
import { SUBMIT } from "./gateway.ts";

/** Removes a letter, given as XRANGE does, with its place in the index; returns the bytes left. */
export const REMOVE_LETTER = `
local function remove_letter(dead, bytes, index, letter)
  redis.call('XDEL', dead, letter[1])
  redis.call('HDEL', index, letter[2][4])
  return redis.call('DECRBY', bytes, letter[2][2])
end
`;

/**
 * Reads the newest letter up to an entry, without its images.
 *
 * KEYS: dead letters. ARGV: the entry, `(entry` for those before it, or `+`
 * Returns: {entry, number of images, then name, value, …}; empty where there is none
 */
export const READ_LETTER = `
local letter = redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', 1)[1]
if not letter then return {} end
local read, images = {letter[1], 0}, 0
for i = 1, #letter[2], 2 do
  if letter[2][i] == 'image' then
    images = images + 1
  else
    table.insert(read, letter[2][i])
    table.insert(read, letter[2][i + 1])
  end
end
read[2] = images
return read
`;

/**
 * Makes a new job of a letter: admitted as any other, and only then is the letter removed. A resend
 * finds the letter gone and the job there.
 *
 * KEYS: dead letters, their bytes, their index, then as SUBMIT of the new job alone
 * ARGV: entry of the letter, id of the new job, then as SUBMIT
 * Returns: {'queued', …} | {'none'} | {'full', jobs, bytes, waitMs or -1}
 */
export const REPLAY = `${REMOVE_LETTER}
local function submit(KEYS, ARGV)
${SUBMIT}
end
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return {redis.call('EXISTS', KEYS[7]) == 1 and 'queued' or 'none'} end
local submitted = submit({unpack(KEYS, 4)}, {unpack(ARGV, 3)})[1]
if submitted[1] ~= 'queued' then return submitted end
local asked, job = {version = true, top = true, image = true}, {}
for i = 1, #letter[2], 2 do
  if asked[letter[2][i]] then
    table.insert(job, letter[2][i])
    table.insert(job, letter[2][i + 1])
  end
end
redis.call('XADD', KEYS[6], '*', 'id', ARGV[2], unpack(job))
remove_letter(KEYS[1], KEYS[2], KEYS[3], letter)
return submitted
`;

/**
 * Removes a letter for good.
 *
 * KEYS: dead letters, their bytes, their index. ARGV: entry. Returns: 1, or 0 where there is none
 */
export const DISCARD = `${REMOVE_LETTER}
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return 0 end
remove_letter(KEYS[1], KEYS[2], KEYS[3], letter)
return 1
`;
