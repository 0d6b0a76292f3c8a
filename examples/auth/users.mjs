// Users and tokens. A real program has them in a database; this file shows how to compare them.
import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(scrypt);
const KEY_LENGTH = 32;

async function register(password) {
  const salt = randomBytes(16);
  return { salt, hash: await derive(password, salt, KEY_LENGTH) };
}

const users = new Map([
  ["ada", await register("lovelace")],
  ["bo", await register("diddley")],
]);
/** Compared for an unknown user, so that the answer takes as long. */
const nobody = await register(randomBytes(16).toString("hex"));

/** Whether the password is correct. */
export async function checkPassword(name, password) {
  if (typeof name !== "string" || typeof password !== "string") return false;
  const user = users.get(name) ?? nobody;
  return timingSafeEqual(await derive(password, user.salt, KEY_LENGTH), user.hash);
}

const digest = (text) => createHash("sha256").update(text).digest();
const staffToken = digest(process.env.STAFF_TOKEN ?? randomBytes(16));

/** Whether this is the token of the staff (`STAFF_TOKEN`); false if it is not set. */
export function isStaffToken(token) {
  return typeof token === "string" && timingSafeEqual(digest(token), staffToken);
}
