import { createHash } from "node:crypto";
import type {
  ClusterStore,
  RecordOwner,
  RenewalOutcome,
  StoredRecord,
  TakenRecord,
  WriteOutcome,
} from "../recovery/store.ts";
import type { RedisPort } from "./port.ts";
import { redisScript } from "./script.ts";

/*
 * A record is a hash: `r` its bytes, `l` and `t` the life and the tag of its owner. Its key has a digest of the private id, so
 * that neither the list of keys nor an error of Redis shows the secret of a client.
 */

const PUT = redisScript(`
  local life = redis.call("HGET", KEYS[1], "l")
  if life and life ~= ARGV[1] then return 0 end
  redis.call("HSET", KEYS[1], "l", ARGV[1], "t", ARGV[2], "r", ARGV[3])
  redis.call("PEXPIRE", KEYS[1], ARGV[4])
  return 1`);

const RENEW = redisScript(`
  local outcomes = {}
  for i, key in ipairs(KEYS) do
    local life = redis.call("HGET", key, "l")
    if not life then outcomes[i] = 2
    elseif life ~= ARGV[1] then outcomes[i] = 0
    else
      redis.call("PEXPIRE", key, ARGV[2])
      outcomes[i] = 1
    end
  end
  return outcomes`);

const TAKE = redisScript(`
  local found = redis.call("HMGET", KEYS[1], "l", "t", "r")
  if not found[3] then return false end
  redis.call("HSET", KEYS[1], "l", ARGV[1], "t", ARGV[2])
  if redis.call("PTTL", KEYS[1]) < tonumber(ARGV[3]) then redis.call("PEXPIRE", KEYS[1], ARGV[3]) end
  return { found[1], found[2], found[3], redis.call("GET", KEYS[2]) or "0", redis.call("GET", KEYS[3]) or "" }`);

const REMOVE = redisScript(`
  if redis.call("HGET", KEYS[1], "l") == ARGV[1] then redis.call("DEL", KEYS[1]) end
  return 1`);

/** Longest time of a key, about a year: Redis refuses much more. */
const MAX_TTL = 3e10;

const OUTCOMES: readonly RenewalOutcome[] = ["taken", "kept", "missing"];

/** The keys that have the position of a log. */
export interface PositionKeys {
  readonly number: string;
  readonly epoch: string;
}

/** Session records in Redis. */
export class RedisStore implements ClusterStore {
  readonly #port: RedisPort;
  readonly #prefix: string;
  readonly #positionKeys: (nsp: string) => PositionKeys;

  /** @param prefix what the names of all keys begin with */
  constructor(port: RedisPort, prefix: string, positionKeys: (nsp: string) => PositionKeys) {
    this.#port = port;
    this.#prefix = prefix;
    this.#positionKeys = positionKeys;
  }

  #keyOf(nsp: string, pid: string): string {
    const digest = createHash("sha256").update(pid).digest("base64url");
    return `${this.#prefix}{${nsp}}:s:${digest}`;
  }

  async put(nsp: string, { pid, record, ttl }: StoredRecord, { life, tag }: RecordOwner): Promise<WriteOutcome> {
    const kept = await this.#port.eval(PUT, [this.#keyOf(nsp, pid)], [life, tag, record, millisecondsOf(ttl)]);
    return kept === 1 ? "kept" : "taken";
  }

  async renew(
    nsp: string,
    pids: readonly string[],
    ttl: number,
    { life }: RecordOwner,
  ): Promise<readonly RenewalOutcome[]> {
    const keys = pids.map((pid) => this.#keyOf(nsp, pid));
    const outcomes = await this.#port.eval(RENEW, keys, [life, millisecondsOf(ttl)]);
    return (outcomes as number[]).map((outcome) => OUTCOMES[outcome] ?? "missing");
  }

  async take(nsp: string, pid: string, ttl: number, { life, tag }: RecordOwner): Promise<TakenRecord | undefined> {
    const { number, epoch } = this.#positionKeys(nsp);
    const keys = [this.#keyOf(nsp, pid), number, epoch];
    const taken = await this.#port.eval(TAKE, keys, [life, tag, millisecondsOf(ttl)]);
    if (taken === null) return undefined;
    const [previousLife, previousTag, record, last, current] = taken as [Buffer, Buffer, Buffer, Buffer, Buffer];
    return {
      record,
      previous: { life: String(previousLife), tag: String(previousTag) },
      position: { epoch: String(current), number: Number(last) },
    };
  }

  async remove(nsp: string, pid: string, { life }: RecordOwner): Promise<void> {
    await this.#port.eval(REMOVE, [this.#keyOf(nsp, pid)], [life]);
  }
}

function millisecondsOf(ttl: number): number {
  return Math.max(1, Math.min(MAX_TTL, Math.ceil(ttl)));
}
