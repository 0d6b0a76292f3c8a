import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";

/** Milliseconds for which failures count. */
const FAILURE_WINDOW = 60_000;
const MOST_FAILURES_OF_ADDRESS = 5;
const MOST_FAILURES = 50;

const HOUR = 3_600_000;
/** Milliseconds without a request after which a login ends. */
const LONGEST_IDLE = HOUR;
/** Milliseconds after which a login ends. */
const LONGEST_LOGIN = 8 * HOUR;
const MOST_LOGINS = 100;
/** Characters of the id of a login: 128 bits in base64url. */
export const LOGIN_LENGTH = 22;

/** Names of users in the log are at most this long. */
const MOST_USER_NAME = 60;

const hashText = (text: string): Buffer => createHash("sha256").update(text).digest();

/** What a user types, or a program sends. */
export interface LoginFields {
  readonly user: string;
  readonly password: string;
}

/** Compares credentials in constant time: both parts, whatever the first one gives. */
export class Secret {
  readonly #user: Buffer | undefined;
  readonly #password: Buffer;

  /** @param user undefined for a token */
  constructor(user: string | undefined, password: string) {
    this.#user = user === undefined ? undefined : hashText(user);
    this.#password = hashText(password);
  }

  /** Whether a name belongs to it. */
  get hasUser(): boolean {
    return this.#user !== undefined;
  }

  equals({ user, password }: LoginFields): boolean {
    const isPassword = timingSafeEqual(hashText(password), this.#password);
    const isUser = this.#user === undefined || timingSafeEqual(hashText(user), this.#user);
    return isPassword && isUser;
  }
}

/** Returns the source of an attempt: an address, or a network of IPv6, since a host has all addresses of one. */
function guesserOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === "" ? 0 : tail.split(":").length;
  while (groups.length < 4) groups.push("0");
  return behind > 4 ? address : groups.slice(0, 4).join(":");
}

/** Counts failed logins of the last minute, by address and in all. */
export class Failures {
  readonly #clock: Clock;
  /** The oldest first, at most {@link MOST_FAILURES}: beyond, nothing is compared. */
  #recent: { readonly source: string; readonly at: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until an address may try again; 0 for at once. */
  wait(address: string): number {
    const now = this.#clock.now();
    const source = guesserOf(address);
    this.#recent = this.#recent.filter(({ at }) => now - at < FAILURE_WINDOW);
    const its = this.#recent.filter((each) => each.source === source);
    const first = this.#recent.length >= MOST_FAILURES ? this.#recent[0] : undefined;
    const firstOfIts = its.length >= MOST_FAILURES_OF_ADDRESS ? its[0] : undefined;
    return Math.max(0, ...[first, firstOfIts].map((each) => (each === undefined ? 0 : each.at + FAILURE_WINDOW - now)));
  }

  add(address: string): void {
    this.#recent.push({ source: guesserOf(address), at: this.#clock.now() });
  }
}

interface Login {
  readonly name: string;
  readonly since: number;
  seen: number;
}

/** Returns the hash of the id of a login. Nodes ask each other by it: it does not log in. */
export const hashOfLogin = (id: string): string => hashText(id).toString("base64url");

/** Logins in memory: a random id of 128 bits each, which is the value of the cookie. Only its hash is kept. */
export class Logins {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #byHash = new Map<string, Login>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes a login, and returns its id. Beyond the limit, the oldest one ends. */
  open(name: string): string {
    const now = this.#clock.now();
    for (const [hash, login] of this.#byHash) {
      if (hasExpired(login, now) || this.#byHash.size >= MOST_LOGINS) this.#byHash.delete(hash);
    }
    const id = randomBytes(16).toString("base64url");
    this.#byHash.set(hashOfLogin(id), { name: name.slice(0, MOST_USER_NAME), since: now, seen: now });
    return id;
  }

  /** Returns the name of a login that has not expired, and keeps it from becoming idle. */
  use(id: string): string | undefined {
    return this.useHash(hashOfLogin(id));
  }

  /** The same, by the hash of the id. */
  useHash(hash: string): string | undefined {
    const login = this.#byHash.get(hash);
    if (login === undefined) return undefined;
    const now = this.#clock.now();
    if (hasExpired(login, now)) {
      this.#byHash.delete(hash);
      return undefined;
    }
    login.seen = now;
    return login.name;
  }

  closeHash(hash: string): void {
    this.#byHash.delete(hash);
  }
}

function hasExpired({ since, seen }: Login, now: number): boolean {
  return now - seen >= LONGEST_IDLE || now - since >= LONGEST_LOGIN;
}
