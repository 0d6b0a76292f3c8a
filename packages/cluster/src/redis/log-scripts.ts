import { redisScript } from "./script.ts";

/*
 * The scripts of the log. Keys are in the order of LogKeys: position, history, marks, server. Redis runs a script as one, and a
 * subscriber gets what scripts publish in their order: this is the one order of all nodes.
 *
 * Nearly all events go through APPEND_NEXT. At few events a second the code of Redis is out of the caches of the processor each
 * time: another command in a script, and each argument, costs more than what they do.
 */

/** Every so many numbers, the history is trimmed. */
export const MARK_STEP = 256;

/** Sets `server` to what names the process of Redis; nil unless `looks`, or if this user may not ask. */
const ownServer = (looks: string): string => `
  local info = ${looks} and redis.pcall("INFO", "server")
  local server = type(info) == "string" and string.match(info, "run_id:(%w+)")
`;

/**
 * Reads the position. A log that has lost entries, or all, gets a new epoch: its numbers begin at 1 again. So does one whose
 * server has changed: after a fail-over or a restart, numbers may be missing that clients have got, and would be given out again.
 * Arguments 1 to 4: a new epoch, the last known epoch and number, time to live in milliseconds.
 *
 * @param looks whether it asks which server this is
 */
const current = (looks: string): string => `
  local function text(number) return string.format("%.0f", number) end
  local stored = redis.call("HGETALL", KEYS[1])
  local epoch, number = stored[1], tonumber(stored[2])
  local is_new = not number or (epoch == ARGV[2] and number < tonumber(ARGV[3]))
  ${ownServer(looks)}
  if server then
    local former = redis.call("GET", KEYS[4])
    is_new = is_new or (former and former ~= server)
    redis.call("SET", KEYS[4], server, "PX", ARGV[4])
  end
  if is_new then
    epoch = ARGV[1]
    number = 0
    redis.call("DEL", KEYS[1], KEYS[2], KEYS[3])
  end
`;

const KEEP_POSITION = `
  redis.call("HSET", KEYS[1], epoch, text(number))
  redis.call("PEXPIRE", KEYS[1], ARGV[4])
`;

/**
 * Sets `position` to the stored one, or to "" if there is none. So it is if the server has changed, and no node has asked for the
 * position since: a node that comes first would let clients resume without the lost entries.
 */
export const takePosition = (key: string, serverKey: string): string => `
  local position = table.concat(redis.call("HGETALL", ${key}), " ")
  local former = redis.call("GET", ${serverKey})
  ${ownServer("former")}
  if server and server ~= former then position = "" end
`;

/** Returns the position. */
export const POSITION = redisScript(`${current("true")}
  ${KEEP_POSITION}
  return epoch .. " " .. text(number)
`);

/**
 * Appends entries and publishes them, if the log is as this writer knows it. Returns the number of the last one, or nil: nothing
 * has changed, and APPEND has to do it. Keys: position, history, the last sequence of the writer. Arguments: the last known epoch and
 * number, the sequence of the last entry, bodies.
 */
export const APPEND_NEXT = redisScript(`
  local call, epoch = redis.call, ARGV[1]
  local count = #ARGV - 3
  local number = call("HINCRBY", KEYS[1], epoch, count)
  local last = call("INCRBY", KEYS[3], count)
  if number - count < tonumber(ARGV[2]) or last ~= tonumber(ARGV[3]) or number % ${MARK_STEP} < count then
    if call("HINCRBY", KEYS[1], epoch, -count) == 0 then call("HDEL", KEYS[1], epoch) end
    if call("INCRBY", KEYS[3], -count) == 0 then call("DEL", KEYS[3]) end
    return false
  end
  for i = 4, #ARGV do
    local id = number - #ARGV + i
    call("XADD", KEYS[2], id .. "-0", "d", ARGV[i])
    call("PUBLISH", KEYS[2], epoch .. id .. " " .. ARGV[i])
  end
  return number
`);

/**
 * Appends entries and publishes them. Returns the position. Key 5: the last sequence of the writer.
 * Arguments from 5 on: sequence of the first entry, most entries, most milliseconds, what to do ("c": leave out the entries that
 * the log has; "l": the log lives on), bodies.
 *
 * Every MARK_STEP-th number is a mark with its time: entries up to it are as old, and are removed when that is too old.
 */
export const APPEND = redisScript(`${current('ARGV[8] ~= ""')}
  -- A log that began before this append, by a question for its position, has its first entry now.
  local is_first = number == 0
  local sequence = tonumber(ARGV[5])
  local last = sequence - 1
  if string.find(ARGV[8], "c", 1, true) then last = tonumber(redis.call("GET", KEYS[5]) or -1) end
  for i = 9, #ARGV do
    if sequence > last then
      number = number + 1
      last = sequence
      local id = text(number)
      redis.call("XADD", KEYS[2], "MAXLEN", "~", ARGV[6], id .. "-0", "d", ARGV[i])
      redis.call("PUBLISH", KEYS[2], epoch .. id .. " " .. ARGV[i])
      if number % ${MARK_STEP} == 0 then
        local time = redis.call("TIME")
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call("RPUSH", KEYS[3], id .. " " .. text(now))
        local oldest = redis.call("LINDEX", KEYS[3], 0)
        while oldest do
          local marked, at = string.match(oldest, "^(%d+) (%d+)$")
          if now - tonumber(at) <= tonumber(ARGV[7]) then break end
          redis.call("LPOP", KEYS[3])
          redis.call("XTRIM", KEYS[2], "MINID", text(tonumber(marked) + 1) .. "-0")
          oldest = redis.call("LINDEX", KEYS[3], 0)
        end
        redis.call("PEXPIRE", KEYS[3], ARGV[4])
      end
    end
    sequence = sequence + 1
  end
  ${KEEP_POSITION}
  redis.call("SET", KEYS[5], text(last), "PX", ARGV[4])
  if is_first or string.find(ARGV[8], "l", 1, true) then redis.call("PEXPIRE", KEYS[2], text(2 * tonumber(ARGV[7]))) end
  return epoch .. " " .. text(number)
`);

/** Returns entries of an epoch, as XRANGE does; nil: the log has another epoch. Keys: position, history. */
export const READ = redisScript(`
  if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 0 then return false end
  return redis.call("XRANGE", KEYS[2], ARGV[2], ARGV[3], "COUNT", ARGV[4])
`);
