import { randomBytes } from "node:crypto";

/** Characters of a tag. */
export const TAG_LENGTH = 4;

/** How many tags are tried. Each is taken with a probability of one in a million, or fewer. */
export const MAX_TAG_TRIES = 16;

const TAG = /^[\w-]{4}$/;
const LIFE = /^[\w-]{22}$/;

/** Returns a new tag for this start of the process: 24 random bits, safe in URLs and names of files. */
export function makeTag(): string {
  return randomBytes(3).toString("base64url");
}

/** Returns a new life: distinguishes two starts of a process that happen to have the same tag. */
export function makeLife(): string {
  return randomBytes(16).toString("base64url");
}

export function isTag(given: unknown): given is string {
  return typeof given === "string" && TAG.test(given);
}

export function isLife(given: unknown): given is string {
  return typeof given === "string" && LIFE.test(given);
}

/** Returns the tag that a session id begins with. Undefined if the id is too short or has other characters. */
export function tagOf(sid: string): string | undefined {
  const tag = sid.slice(0, TAG_LENGTH);
  return sid.length > TAG_LENGTH && TAG.test(tag) ? tag : undefined;
}
