import { randomFillSync } from "node:crypto";
import { callProgram, type OnFailure } from "../base/guarded.ts";
import { UsageError } from "./usage-errors.ts";

const ID_BYTES = 15;
const POOL = Buffer.allocUnsafeSlow(ID_BYTES * 128);
let offset = POOL.length;

/** Returns an id: 120 random bits as 20 characters that are safe in URLs. Random bytes are fetched for 128 ids at once. */
export function randomId(): string {
  if (offset === POOL.length) {
    randomFillSync(POOL);
    offset = 0;
  }
  const id = POOL.toString("base64url", offset, offset + ID_BYTES);
  // The bytes of an id must not stay in memory.
  POOL.fill(0, offset, (offset += ID_BYTES));
  return id;
}

/** Calls the program's function for an id; calls `fail` if it throws or rejects. */
export function askForId(
  make: () => string | number | PromiseLike<string | number>,
  take: (id: string) => void,
  fail: OnFailure,
): void {
  const made = callProgram(
    () => {
      const id = make();
      return isPromiseLike(id) ? Promise.resolve(id).then(idFrom) : idFrom(id);
    },
    [],
    fail,
  );
  if (typeof made === "string") take(made);
  // `callProgram` reports a rejection.
  else made?.then(take, () => undefined);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Checks an id. Clients send it back in a URL, so anything else would end the session at its next request. */
function idFrom(made: unknown): string {
  const id = typeof made === "number" ? String(made) : made;
  if (typeof id === "string" && id !== "" && isWellFormed(id)) return id;
  throw new UsageError("ID_INVALID");
}

/** Whether the text has no lone surrogate, which can't be encoded in a URL. */
function isWellFormed(text: string): boolean {
  try {
    encodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
