import type { IncomingMessage } from "node:http";
import { DashboardError } from "./errors.ts";
import type { BoardSocket } from "./sockets.ts";
import type { Payloads, Role } from "./wire.ts";

/** Decides about a request: the role that it gets, or false. Asked again once a minute, and for each action. */
export type AskRole = (req: IncomingMessage) => Role | false | Promise<Role | false>;

/** Who may open the page. */
export type BoardAuth = { readonly token: string } | { readonly user: string; readonly password: string } | AskRole;

/** An action of a viewer, for `onAction`. */
export interface BoardAction {
  /** Which action, e.g. `disconnect`. */
  readonly name: string;
  /** Its arguments, as the page sent them. */
  readonly target: unknown;
}

/** The options of {@link dashboard}. */
export interface DashboardOptions {
  /** The path of the page. Default: `/dashboard`. */
  path?: string;
  /**
   * Who may open the page: those who know the token, or user and password; or what a function of yours decides. Default: this
   * machine alone, by the address of the connection and the `Host` header, without a proxy in between.
   *
   * @example
   * dashboard(io, { auth: { token: process.env.DASHBOARD_TOKEN ?? "" } });
   * dashboard(io, { auth: (req) => (req.headers["x-user"] === "admin" ? "act" : false) });
   */
  auth?: BoardAuth;
  /** What a viewer may do if `auth` is not a function: look, or also act. Default: `view`. */
  role?: Role;
  /** How much of a payload a tap shows: nothing, types and sizes, or values. Default: `shape`. */
  payloads?: Payloads;
  /** Replaces values of payloads that are shown, after the built-in list of secret keys. Default: none. */
  redact?: (value: unknown, key: string) => unknown;
  /**
   * Returns a name for a socket, which is shown and searched. Default: none.
   *
   * @example
   * dashboard(io, { label: (socket) => socket.data.user?.name });
   */
  label?: (socket: BoardSocket) => string | undefined;
  /**
   * Figures of your program, each with a card of its own; read once a second. At most 16. Default: none.
   *
   * @example
   * const games = new Map();
   * dashboard(io, { gauges: { "games running": () => games.size } });
   */
  gauges?: Readonly<Record<string, () => number>>;
  /** Called before each action, with who acts. If it returns false, the action is refused. Default: none. */
  onAction?: (action: BoardAction, viewer: string) => unknown;
}

/** The options, completed. */
export type ResolvedBoardOptions = DashboardOptions &
  Required<Pick<DashboardOptions, "path" | "role" | "payloads" | "gauges">>;

const ROLES: readonly Role[] = ["view", "act"];
const PAYLOADS: readonly Payloads[] = ["none", "shape", "values"];
const MOST_GAUGES = 16;
const MOST_GAUGE_NAME = 60;

function refuseBoardOption(name: string, accepted: string): never {
  throw new DashboardError("DASHBOARD_OPTION_INVALID", `the option "${name}" of dashboard() must be ${accepted}`);
}

function checkBoardOption(isValid: boolean, name: string, accepted: string): void {
  if (!isValid) refuseBoardOption(name, accepted);
}

const isFilledText = (given: unknown): boolean => typeof given === "string" && given !== "";
const isFunction = (given: unknown): boolean => given === undefined || typeof given === "function";

function checkAuth(auth: unknown): void {
  // An absent environment variable must not open the page to the network, nor to this machine alone without a word.
  const accepted = "{ token }, { user, password } with text in them, or a function";
  if (auth === undefined || typeof auth === "function") return;
  checkBoardOption(typeof auth === "object" && auth !== null, "auth", accepted);
  const { token, user, password } = auth as Record<string, unknown>;
  checkBoardOption(isFilledText(token) || (isFilledText(user) && isFilledText(password)), "auth", accepted);
}

function checkGauges(gauges: Readonly<Record<string, unknown>>): void {
  const entries = Object.entries(gauges);
  const isValid = entries.every(([name, read]) => name.length <= MOST_GAUGE_NAME && typeof read === "function");
  checkBoardOption(isValid && entries.length <= MOST_GAUGES, "gauges", `at most ${MOST_GAUGES} functions, by names`);
}

function checkPath(path: string, pathOfServer: string): void {
  checkBoardOption(typeof path === "string" && /^\/[^?#\s]*[^/?#\s]$/.test(path), "path", 'text like "/dashboard"');
  const isApart = !`${pathOfServer}/`.startsWith(`${path}/`);
  checkBoardOption(isApart, "path", `apart from the path "${pathOfServer}" of the server`);
}

/**
 * Fills in the defaults.
 *
 * @param pathOfServer the path of Socket.IO: the page must leave it alone
 * @throws DashboardError `DASHBOARD_OPTION_INVALID`
 */
export function resolveBoardOptions(given: DashboardOptions, pathOfServer = ""): ResolvedBoardOptions {
  const { path = "/dashboard", role = "view", payloads = "shape", gauges = {}, auth, label, redact, onAction } = given;
  const base = typeof path === "string" ? path.replace(/\/+$/, "") : path;
  checkPath(base, pathOfServer);
  checkBoardOption(ROLES.includes(role), "role", '"view" or "act"');
  checkBoardOption(PAYLOADS.includes(payloads), "payloads", '"none", "shape" or "values"');
  checkGauges(gauges);
  checkAuth(auth);
  checkBoardOption(isFunction(label), "label", "a function");
  checkBoardOption(isFunction(redact), "redact", "a function");
  checkBoardOption(isFunction(onAction), "onAction", "a function");
  return { ...given, path: base, role, payloads, gauges };
}
