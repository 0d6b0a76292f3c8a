import { createHash } from "node:crypto";
import type {
  ClusterStore,
  OwnedRecord,
  RecordOwner,
  StoredRecord,
  TakenRecord,
  WriteOutcome,
} from "../recovery/store.ts";
import { type LogKeys, parsePosition } from "./log-keys.ts";
import { takePosition } from "./log-scripts.ts";
import type { RedisPort } from "./port.ts";
import { redisScript } from "./script.ts";

/*
 * A record is a hash: `r` its bytes, `o` and `t` the term and the tag of its owner, `po` and `pt` those before it was taken. Its key has a digest of the private id, so
 * that neither the list of keys nor an error of Redis shows the secret of a client.
 */

const PUT = redisScript(`
  local term = redis.call("HGET", KEYS[1], "o")
  if term and term ~= ARGV[1] then return 0 end
  if not term and ARGV[5] ~= "" then
    ${takePosition("KEYS[2]", "KEYS[3]")}
    if string.sub(position, 1, 4) == ARGV[5] then return 2 end
  end
  redis.call("HSET", KEYS[1], "o", ARGV[1], "t", ARGV[2], "r", ARGV[3])
  redis.call("PEXPIRE", KEYS[1], ARGV[4])
  return 1`);

const RENEW = redisScript(`
  local outcomes = {}
  for i, key in ipairs(KEYS) do
    local term = redis.call("HGET", key, "o")
    if not term then outcomes[i] = 2
    elseif term ~= ARGV[i + 1] then outcomes[i] = 0
    else
      redis.call("PEXPIRE", key, ARGV[1])
      outcomes[i] = 1
    end
  end
  return outcomes`);

const TAKE = redisScript(`
  local found = redis.call("HMGET", KEYS[1], "o", "t", "r")
  if not found[3] then return false end
  if found[1] == ARGV[1] then
    local previous = redis.call("HMGET", KEYS[1], "po", "pt")
    found[1], found[2] = previous[1], previous[2]
  else
    redis.call("HSET", KEYS[1], "o", ARGV[1], "t", ARGV[2], "po", found[1], "pt", found[2])
  end
  if redis.call("PTTL", KEYS[1]) < tonumber(ARGV[3]) then redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
  ${takePosition("KEYS[2]", "KEYS[3]")}
  return { found[1], found[2], found[3], position }`);

const REMOVE = redisScript(`
  if redis.call("HGET", KEYS[1], "o") ~= ARGV[1] then return 0 end
  if redis.call("HEXISTS", KEYS[1], "po") == 0 then return redis.call("DEL", KEYS[1]) end
  redis.call("HDEL", KEYS[1], "r")
  return redis.call("PEXPIRE", KEYS[1], ARGV[2])`);

/** Longest time of a key, about a year: Redis refuses much more. */
const MAX_TTL = 3e10;

const OUTCOMES: readonly WriteOutcome[] = ["taken", "kept", "missing"];

/** Session records in Redis. */
export class RedisStore implements ClusterStore {
  readonly #port: RedisPort;
  readonly #prefix: string;
  readonly #logKeys: (nsp: string) => LogKeys;

  /**
   * @param prefix what the names of all keys begin with
   * @param logKeysOf returns the keys of the log of a namespace
   */
  constructor(port: RedisPort, prefix: string, logKeysOf: (nsp: string) => LogKeys) {
    this.#port = port;
    this.#prefix = prefix;
    this.#logKeys = logKeysOf;
  }

  get isUp(): boolean {
    return this.#port.isUp("commands");
  }

  #keyOf(nsp: string, pid: string): string {
    const digest = createHash("sha256").update(pid).digest("base64url");
    return `${this.#prefix}{${nsp}}:s:${digest}`;
  }

  /** A record and the position of the log. */
  #keysOf(nsp: string, pid: string): string[] {
    const { position, server } = this.#logKeys(nsp);
    return [this.#keyOf(nsp, pid), position, server];
  }

  async put(nsp: string, { pid, record, ttl, epoch = "" }: StoredRecord, owner: RecordOwner): Promise<WriteOutcome> {
    const { term, tag } = owner;
    const outcome = await this.#port.eval(PUT, this.#keysOf(nsp, pid), [term, tag, record, millisecondsOf(ttl), epoch]);
    return outcomeOf(outcome);
  }

  async renew(nsp: string, records: readonly OwnedRecord[], ttl: number): Promise<readonly WriteOutcome[]> {
    const keys = records.map(({ pid }) => this.#keyOf(nsp, pid));
    const outcomes = await this.#port.eval(RENEW, keys, [millisecondsOf(ttl), ...records.map(({ term }) => term)]);
    return (outcomes as unknown[]).map(outcomeOf);
  }

  async take(nsp: string, pid: string, ttl: number, { term, tag }: RecordOwner): Promise<TakenRecord | undefined> {
    const taken = await this.#port.eval(TAKE, this.#keysOf(nsp, pid), [term, tag, millisecondsOf(ttl)]);
    if (taken === null) return undefined;
    const [previousTerm, previousTag, record, position] = taken as [Buffer, Buffer, Buffer, Buffer];
    return {
      record,
      previous: { term: String(previousTerm), tag: String(previousTag) },
      position: parsePosition(String(position)) ?? { epoch: "", number: 0 },
    };
  }

  async remove(nsp: string, { pid, term }: OwnedRecord, ttl: number): Promise<void> {
    await this.#port.eval(REMOVE, [this.#keyOf(nsp, pid)], [term, millisecondsOf(ttl)]);
  }
}

const outcomeOf = (outcome: unknown): WriteOutcome => OUTCOMES[Number(outcome)] ?? "missing";

function millisecondsOf(ttl: number): number {
  return Math.max(1, Math.min(MAX_TTL, Math.ceil(ttl)));
}
