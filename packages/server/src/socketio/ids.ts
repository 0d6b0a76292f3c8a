import { randomFillSync } from "node:crypto";

/** 120 bits: 20 characters of base64. */
const ID_BYTES = 15;
const pool = Buffer.allocUnsafeSlow(ID_BYTES * 256);
let position = pool.length;

/** A new random identifier: 20 characters, safe in URLs. Random bytes are drawn for 256 of them at once. */
export function newId(): string {
  if (position === pool.length) {
    randomFillSync(pool);
    position = 0;
  }
  position += ID_BYTES;
  return pool.toString("base64url", position - ID_BYTES, position);
}
