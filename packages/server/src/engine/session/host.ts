import type { RawData } from "@portage/parser/engine";
import type { ReceiveBudget } from "@portage/websocket";
import type { Clock } from "../../base/clock.ts";
import type { Emitter } from "../../base/emitter.ts";
import type { CloseReason } from "../report/close-codes.ts";
import type { Waiting } from "../outgoing/congestion.ts";
import type { EventMark } from "../outgoing/event-mark.ts";
import type { HeartbeatWheel } from "../timing-wheel.ts";
import type { LimitCode } from "../report/limit-codes.ts";
import type { Session } from "./session.ts";
import { timesForClient } from "../ping-times.ts";
import type { SlowReaderOptions } from "../outgoing/slow-reader.ts";
import type { EngineStats, UpgradeFailure } from "../report/stats.ts";
import type {
  kClock,
  kHeartbeat,
  kOnLimit,
  kOnSessionClose,
  kOnUpgradeFailed,
  kReceiving,
  kSlowReader,
  kStats,
} from "../keys.ts";

/** Takes what a session receives by direct calls, past the public events. */
export interface SessionHandler {
  /** A message came in. */
  onMessage(data: RawData): void;
  /** All that was sent has been handed to the transport. */
  onDrain(): void;
  /** The server is about to end the session in an orderly way: what is sent now still arrives. */
  onClosing(): void;
  /** The session is over, once. */
  onClose(reason: CloseReason): void;
}

/** In place of a handler, until there is one. */
export const NO_HANDLER: SessionHandler = { onMessage() {}, onDrain() {}, onClosing() {}, onClose() {} };

/** `closing`: packets are being flushed. */
export type SessionState = "opening" | "open" | "closing" | "closed";

/** What a session needs of the server that it belongs to. */
export interface SessionHost extends Emitter {
  readonly [kClock]: Clock;
  readonly [kHeartbeat]: HeartbeatWheel;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly upgradeTimeout: number;
  readonly maxHttpBufferSize: number;
  readonly initialPacket: RawData | undefined;
  readonly [kSlowReader]: Required<SlowReaderOptions>;
  /** What messages that are not complete hold, of all clients together. */
  readonly [kReceiving]: ReceiveBudget;
  readonly [kStats]: EngineStats;
  /** Names of the transports that a session on `transport` may be upgraded to. */
  upgrades(transport: string): readonly string[];
  /** The session is over: it leaves the server's books. */
  [kOnSessionClose](session: Session): void;
  /** An upgrade has failed; the session stays on its transport. */
  [kOnUpgradeFailed](session: Session, step: UpgradeFailure): void;
  /** A session is at a limit and goes on. */
  [kOnLimit](session: Waiting, code: LimitCode, limit: number, actual: number): void;
}

/** How {@link Session.send} sends a message. */
export interface SendFlags {
  /** Whether the transport may compress it. Default true. */
  compress?: boolean | undefined;
  /** Lets the message be dropped or replaced while it waits, together with all others of the same mark. */
  mark?: EventMark | undefined;
}

/** What a session tells its client first (Engine.IO protocol, "Handshake"). */
export function handshakeData(host: SessionHost, sid: string, transport: string): string {
  const { maxHttpBufferSize } = host;
  const { pingInterval, pingTimeout } = timesForClient(host);
  const upgrades = host.upgrades(transport);
  return JSON.stringify({ sid, upgrades, pingInterval, pingTimeout, maxPayload: maxHttpBufferSize });
}
