/*
 * Decides who may open the live page, and the role of each.
 * Knows: requests, the option `auth`, cookies.
 * Must not know: what the page shows.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../base/clock.ts";
import { isFromThisMachine } from "./local.ts";
import { type LoginFields, Failures, hashOfLogin, LOGIN_LENGTH, Logins, Secret } from "./login.ts";
import type { OtherNodes } from "./nodes.ts";
import type { AskRole, BoardAuth, ResolvedBoardOptions } from "./options.ts";
import type { Role } from "./wire.ts";

const COOKIE = "portage-dashboard";
/** Questions to other nodes for logins, at a time. Any stranger can send a cookie, and must not take all questions. */
const MOST_ASKED = 16;

/** A request that is let in. */
export interface Pass {
  readonly role: Role;
  /** Who it is, for the log. */
  readonly name: string;
}

/** Why a request is not let in. */
export type NoEntry = "LOCAL_ONLY" | "LOGIN_NEEDED" | "FORBIDDEN";

/** The result of a login: the id for the cookie, or why there is none. */
export type LoginResult = { readonly id: string } | { readonly wait: number };

/** A way to decide about requests. */
interface Guard {
  /** Whether files of the page may be sent to a request. They hold nothing secret. */
  maySeeFiles(req: IncomingMessage): boolean;
  check(req: IncomingMessage): Pass | NoEntry | Promise<Pass | NoEntry>;
  /** How to log in; undefined where there is nothing to type. */
  readonly login?: LoginGuard;
}

const remoteAddressOf = ({ socket }: IncomingMessage): string => socket?.remoteAddress ?? "";

/** Without the option `auth`. */
class LocalGuard implements Guard {
  readonly #role: Role;

  constructor(role: Role) {
    this.#role = role;
  }

  maySeeFiles(req: IncomingMessage): boolean {
    return isFromThisMachine(req);
  }

  check(req: IncomingMessage): Pass | NoEntry {
    return isFromThisMachine(req) ? { role: this.#role, name: "this machine" } : "LOCAL_ONLY";
  }
}

/** With a function of the program. */
class AskingGuard implements Guard {
  readonly #ask: AskRole;

  constructor(ask: AskRole) {
    this.#ask = ask;
  }

  maySeeFiles(): boolean {
    return true;
  }

  /** A function that throws, or returns anything but a role, admits no request. */
  async check(req: IncomingMessage): Promise<Pass | NoEntry> {
    try {
      const role: unknown = await this.#ask(req);
      return role === "view" || role === "act" ? { role, name: remoteAddressOf(req) } : "FORBIDDEN";
    } catch {
      return "FORBIDDEN";
    }
  }
}

/** What guards need beside the options. */
interface GuardNeeds {
  readonly clock: Clock;
  readonly nodes: OtherNodes;
}

/** With a token, or a user and a password. */
class LoginGuard implements Guard {
  readonly #secret: Secret;
  readonly #role: Role;
  readonly #failures: Failures;
  readonly #logins: Logins;
  readonly #nodes: OtherNodes;
  #asked = 0;

  constructor(secret: Secret, role: Role, { clock, nodes }: GuardNeeds) {
    this.#secret = secret;
    this.#role = role;
    this.#failures = new Failures(clock);
    this.#logins = new Logins(clock);
    this.#nodes = nodes;
    // A login is known to the node that has made it. The others ask.
    nodes.answer("login", (hash) => (typeof hash === "string" ? this.#logins.useHash(hash) : undefined));
    nodes.answer("logout", (hash) => (typeof hash === "string" ? this.#logins.closeHash(hash) : undefined));
  }

  get login(): this {
    return this;
  }

  get hasUser(): boolean {
    return this.#secret.hasUser;
  }

  maySeeFiles(): boolean {
    return true;
  }

  async check(req: IncomingMessage): Promise<Pass | NoEntry> {
    const name = await this.#nameOf(req);
    return name === undefined ? "LOGIN_NEEDED" : { role: this.#role, name };
  }

  /** Programs send the token with each request; pages have a cookie. */
  async #nameOf(req: IncomingMessage): Promise<string | undefined> {
    const bearer = /^Bearer +(.{1,1024})$/i.exec(req.headers.authorization ?? "")?.[1];
    if (bearer === undefined || this.hasUser) return this.#nameOfLogin(cookieIn(req));
    const isRight = this.#try(remoteAddressOf(req), { user: "", password: bearer }) === 0;
    return isRight ? remoteAddressOf(req) : undefined;
  }

  async #nameOfLogin(id: string): Promise<string | undefined> {
    const name = this.#logins.use(id);
    if (name !== undefined || id.length !== LOGIN_LENGTH || this.#asked >= MOST_ASKED) return name;
    this.#asked += 1;
    const found = await this.#nodes.findFirst("login", hashOfLogin(id)).finally(() => (this.#asked -= 1));
    return typeof found === "string" ? found : undefined;
  }

  /** @returns 0 for the right credentials, else milliseconds until the next attempt */
  #try(address: string, credentials: LoginFields): number {
    const wait = this.#failures.wait(address);
    if (wait > 0) return wait;
    if (this.#secret.equals(credentials)) return 0;
    this.#failures.add(address);
    return -1;
  }

  /** Compares credentials. `wait` is -1 for wrong ones, or milliseconds after too many failures. */
  open(req: IncomingMessage, credentials: LoginFields): LoginResult {
    const address = remoteAddressOf(req);
    const wait = this.#try(address, credentials);
    if (wait !== 0) return { wait };
    return { id: this.#logins.open(this.hasUser ? credentials.user : address) };
  }

  close(req: IncomingMessage): void {
    const hash = hashOfLogin(cookieIn(req));
    this.#logins.closeHash(hash);
    void this.#nodes.findFirst("logout", hash);
  }
}

function cookieIn({ headers }: IncomingMessage): string {
  for (const part of (headers.cookie ?? "").split(";")) {
    const [name, value = ""] = part.trim().split("=");
    if (name === COOKIE) return value;
  }
  return "";
}

/** Returns a `Set-Cookie` header. An empty id removes the cookie. */
export function cookieHeader(id: string, path: string, secure: boolean): string {
  const age = id === "" ? "; Max-Age=0" : "";
  return `${COOKIE}=${id}; Path=${path}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}${age}`;
}

function guardOf(auth: BoardAuth | undefined, role: Role, surroundings: GuardNeeds): Guard {
  if (auth === undefined) return new LocalGuard(role);
  if (typeof auth === "function") return new AskingGuard(auth);
  const secret = "token" in auth ? new Secret(undefined, auth.token) : new Secret(auth.user, auth.password);
  return new LoginGuard(secret, role, surroundings);
}

/** Decides about requests by the option `auth`. */
export class Access {
  readonly #guard: Guard;

  constructor({ auth, role }: ResolvedBoardOptions, clock: Clock, nodes: OtherNodes) {
    this.#guard = guardOf(auth, role, { clock, nodes });
  }

  /** How to log in; undefined where there is nothing to type. */
  get login(): LoginGuard | undefined {
    return this.#guard.login;
  }

  maySeeFiles(req: IncomingMessage): boolean {
    return this.#guard.maySeeFiles(req);
  }

  /** Decides about a request. Ask again for a page that stays open: the answer may change. */
  async check(req: IncomingMessage): Promise<Pass | NoEntry> {
    return this.#guard.check(req);
  }
}
