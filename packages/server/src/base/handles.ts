import { createHmac, randomBytes } from "node:crypto";

/** Characters of a handle, of 6 bits each: 60 bits. */
export const HANDLE_LENGTH = 10;

const key = randomBytes(32);

/**
 * Returns a name of a session for logs and pages: a keyed hash, since an id is as good as a password. Each process has a key of
 * its own.
 */
export function sessionHandle(id: string): string {
  return createHmac("sha256", key).update(id).digest("base64url").slice(0, HANDLE_LENGTH);
}
