import type { IncomingMessage } from "node:http";
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
