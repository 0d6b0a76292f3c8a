import { randomFillSync } from "node:crypto";
import type { OnFailure } from "../handler-errors.ts";

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
  let id: string | number | PromiseLike<string | number>;
  try {
    id = make();
  } catch (error) {
    return fail(error, "thrown");
  }
  if (typeof id !== "object") return take(String(id));
  id.then(
    (made) => take(String(made)),
    (error: unknown) => fail(error, "rejected"),
  );
}
