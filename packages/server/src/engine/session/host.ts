/*
 * One session: its handshake, heartbeat, queue, upgrade and end.
 * Knows: transports by their contract, the server by `SessionHost`.
 * Must not know: requests, and what a message means.
 */
import type { RawData } from "@portage/parser/engine";
import type { ReceiveBudget } from "@portage/websocket";
import { type Clock, LONGEST_DELAY } from "../../base/clock.ts";
import type { Emitter } from "../../base/emitter.ts";
import type { CloseReason } from "../report/close-codes.ts";
import type { EventMark } from "../outgoing/prepared-message.ts";
import type { TimingWheel } from "../timing-wheel.ts";
import type { AnyLimitCode } from "../report/limit-codes.ts";
import type { SlowReaderOptions } from "../outgoing/slow-reader.ts";
import type { EngineStats, UpgradeFailure } from "../report/stats.ts";
import {
  type kEngineClock,
  type kTimingWheel,
  type kReportSessionLimit,
  type kRemoveSession,
  type kReportUpgradeFailure,
  type kReceiving,
  type kSlowReader,
  type kStats,
  kTakeClosing,
  kTakeDrain,
  kTakeEnd,
  type kTakeError,
  kTakeMessage,
} from "../keys.ts";

/** Takes what a session receives by direct calls, past the public events. */
export interface SessionHandler {
  /** A message came in. */
  [kTakeMessage](data: RawData): void;
  /** All that was sent has been handed to the transport. */
  [kTakeDrain](): void;
  /** The server is about to end the session in an orderly way: what is sent now still arrives. */
  [kTakeClosing](): void;
  /** The session is over, once. */
  [kTakeEnd](reason: CloseReason): void;
  /** A program has reported an error of the session, as listeners of `error` hear of it. */
  [kTakeError]?(error: unknown): void;
}

/** In place of a handler, until there is one. */
export const NO_HANDLER: SessionHandler = {
  [kTakeMessage]() {},
  [kTakeDrain]() {},
  [kTakeClosing]() {},
  [kTakeEnd]() {},
};

/** `closing`: packets are being flushed. */
export type SessionState = "opening" | "open" | "closing" | "closed";

/** A session, as far as its server is told of it here. */
interface HostedSession {
  readonly id: string;
}

/** What a session needs of the server that it belongs to. */
export interface SessionHost extends Emitter {
  readonly [kEngineClock]: Clock;
  readonly [kTimingWheel]: TimingWheel;
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
  [kRemoveSession](session: HostedSession): void;
  /** An upgrade has failed; the session stays on its transport. */
  [kReportUpgradeFailure](session: HostedSession, step: UpgradeFailure): void;
  /** A session is at a limit and goes on. */
  [kReportSessionLimit](session: HostedSession, code: AnyLimitCode, limit: number, actual: number): void;
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

/** Times of the heartbeat, in milliseconds. */
export interface PingTimes {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/**
 * The times that a client is given. It waits for their sum by one timer of its platform, which fires at once where that is
 * too long (about 25 days): pings come often enough for that, however long the server itself would wait.
 */
export function timesForClient({ pingInterval, pingTimeout }: PingTimes): PingTimes {
  const timeout = Math.min(pingTimeout, LONGEST_DELAY / 2);
  return {
    pingInterval: Math.floor(Math.min(pingInterval, LONGEST_DELAY - timeout)),
    pingTimeout: Math.floor(timeout),
  };
}
