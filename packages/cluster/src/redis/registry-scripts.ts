import { redisScript } from "./script.ts";

/** Milliseconds for which the set of nodes is kept after the last beat. */
const SET_TTL = 86_400_000;

/**
 * Keeps the record of a node, and creates it if the tag is free.
 * Keys: the record, the set of tags, the secret. Arguments: record, its milliseconds, tag, secret or "", channel, message.
 *
 * Returns 1: the record was there; 2: it is new; 0: another node has the tag. Then the secret that all nodes share.
 */
export const HOLD_RECORD = redisScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0, ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ${SET_TTL})
local secret = ''
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[3], ARGV[4], 'NX')
  redis.call('PEXPIRE', KEYS[3], ${SET_TTL})
  secret = redis.call('GET', KEYS[3])
end
if holder then return {1, secret} end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return {2, secret}`);

/** Removes a record, if it is this one. Keys: the record, the set of tags. Arguments: record, tag, channel, message. */
export const DROP_RECORD = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1`);

/** Returns tags and records, one after the other. Keys: the set of tags. Arguments: what the keys of records begin with. */
export const LIST_RECORDS = redisScript(`
local found = {}
for _, tag in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local record = redis.call('GET', ARGV[1] .. tag)
  if record then
    found[#found + 1] = tag
    found[#found + 1] = record
  else
    redis.call('SREM', KEYS[1], tag)
  end
end
return found`);
