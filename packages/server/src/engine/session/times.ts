import { assignable } from "../../base/assignable.ts";
import { RequestKeeper } from "../http/request-keeper.ts";
import type { TransportRequest } from "../http/request.ts";
import { kOpenedAt, kPingedAt, kRoundTrip, kTap, type kUpgradeTrouble } from "../keys.ts";
import type { UpgradeTrouble } from "../report/reports.ts";
import type { PacketTap } from "./tap.ts";

/** Before the first answer to a ping. */
const NEVER = -1;

/**
 * The part of a session for those who watch it: when it opened, how fast its client answers, its tap. Small integers: unlike fractions, V8
 * stores them inside of the session.
 */
export abstract class SessionTimes extends RequestKeeper {
  /** In tenths of a second on the clock of the engine. */
  readonly [kOpenedAt]: number;
  /** The last 32 bits of the milliseconds at which the last ping was sent. */
  [kPingedAt] = 0;
  /** In milliseconds. */
  [kRoundTrip]: number = NEVER;
  /** What looks at each packet. A field, because a listener would make the session slower for good. */
  [kTap]: PacketTap | undefined = undefined;
  /** Why the client was not upgraded. Missing in most sessions. */
  declare [kUpgradeTrouble]?: UpgradeTrouble;

  constructor(request: TransportRequest, now: number) {
    super(request);
    this[kOpenedAt] = Math.floor(now / 100);
  }

  /**
   * When the session opened, in milliseconds on the clock of the engine (`performance.now()`), in steps of 100.
   *
   * @example
   * console.log(`open for ${performance.now() - session.openedAt} ms`);
   */
  get openedAt(): number {
    return this[kOpenedAt] * 100;
  }

  /**
   * Milliseconds from the last answered ping to its pong. Undefined before the first, and for clients of revision 3, which
   * ping by themselves.
   *
   * @example
   * session.on("heartbeat", () => console.log(session.id, session.rtt));
   */
  get rtt(): number | undefined {
    return this[kRoundTrip] === NEVER ? undefined : this[kRoundTrip];
  }
}

assignable(SessionTimes.prototype, "openedAt", "rtt");
