import { randomFillSync } from "node:crypto";
import { callProgram, type OnFailure } from "../base/guarded.ts";
import { UsageError } from "./usage-errors.ts";

const ID_BYTES = 15;
const POOL = Buffer.allocUnsafeSlow(ID_BYTES * 128);
let offset = POOL.length;

/** An identifier: 20 characters that fit a URL, and that stand for 120 random bits. The random bytes are fetched for 128 ids at once. */
export function randomId(): string {
  if (offset === POOL.length) {
    randomFillSync(POOL);
    offset = 0;
  }
  const id = POOL.toString("base64url", offset, offset + ID_BYTES);
  // What an id was made of does not stay in memory.
  POOL.fill(0, offset, (offset += ID_BYTES));
  return id;
}

/** Has a function of the program make an id; `fail` hears when it throws or rejects. */
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
  // A rejection has been reported.
  else made?.then(take, () => undefined);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Anything else would end the session with its first request: clients send the id back in a URL. */
function idFrom(made: unknown): string {
  const id = typeof made === "number" ? String(made) : made;
  if (typeof id === "string" && id !== "" && isWellFormed(id)) return id;
  throw new UsageError("ID_INVALID");
}

/** Whether text has no half of a character: it could not be in a URL. */
function isWellFormed(text: string): boolean {
  try {
    encodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
