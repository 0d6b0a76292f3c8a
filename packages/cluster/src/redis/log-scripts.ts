import { redisScript } from "./script.ts";

/*
 * The scripts of the log. Keys are in the order of LogKeys: epoch, number, history, marks. Redis runs a script as one, and a
 * subscriber gets what scripts publish in their order: this is the one order of all nodes.
 */

/**
 * Reads the position. A log that has lost entries, or all, gets a new epoch: its numbers begin at 1 again.
 * Arguments 1 to 4: a new epoch, the last known epoch and number, time to live in milliseconds.
 */
const CURRENT = `
  local function text(number) return string.format("%.0f", number) end
  local epoch = redis.call("GET", KEYS[1])
  local number = tonumber(redis.call("GET", KEYS[2]) or -1)
  if not epoch or number < 0 or (epoch == ARGV[2] and number < tonumber(ARGV[3])) then
    epoch = ARGV[1]
    number = 0
    redis.call("DEL", KEYS[3], KEYS[4])
    redis.call("SET", KEYS[1], epoch)
  end
  redis.call("PEXPIRE", KEYS[1], ARGV[4])
`;

/** Returns epoch and number. */
export const POSITION = redisScript(`${CURRENT}
  redis.call("SET", KEYS[2], text(number), "PX", ARGV[4])
  return { epoch, text(number) }
`);

/**
 * Appends entries, unless the log has them, and publishes them. Returns epoch and number. Key 5: the last sequence of the writer.
 * Arguments from 5 on: channel, sequence of the first entry, most entries, most milliseconds, bodies.
 *
 * Every 256th number is a mark with its time: entries up to it are as old, and are removed when that is too old.
 */
export const APPEND = redisScript(`${CURRENT}
  local sequence = tonumber(ARGV[6])
  local last = tonumber(redis.call("GET", KEYS[5]) or -1)
  for i = 9, #ARGV do
    if sequence > last then
      number = number + 1
      last = sequence
      local id = text(number)
      redis.call("XADD", KEYS[3], "MAXLEN", "~", ARGV[7], id .. "-0", "d", ARGV[i])
      redis.call("PUBLISH", ARGV[5], epoch .. id .. " " .. ARGV[i])
      if number % 256 == 0 then
        local time = redis.call("TIME")
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call("RPUSH", KEYS[4], id .. " " .. text(now))
        local oldest = redis.call("LINDEX", KEYS[4], 0)
        while oldest do
          local marked, at = string.match(oldest, "^(%d+) (%d+)$")
          if now - tonumber(at) <= tonumber(ARGV[8]) then break end
          redis.call("LPOP", KEYS[4])
          redis.call("XTRIM", KEYS[3], "MINID", text(tonumber(marked) + 1) .. "-0")
          oldest = redis.call("LINDEX", KEYS[4], 0)
        end
        redis.call("PEXPIRE", KEYS[4], ARGV[4])
      end
    end
    sequence = sequence + 1
  end
  redis.call("SET", KEYS[2], text(number), "PX", ARGV[4])
  redis.call("SET", KEYS[5], text(last), "PX", ARGV[4])
  redis.call("PEXPIRE", KEYS[3], ARGV[8])
  return { epoch, text(number) }
`);

/** Returns entries of an epoch, as XRANGE does; nil: the log has another epoch. Keys: epoch, history. */
export const READ = redisScript(`
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return false end
  return redis.call("XRANGE", KEYS[2], ARGV[2], ARGV[3], "COUNT", ARGV[4])
`);
