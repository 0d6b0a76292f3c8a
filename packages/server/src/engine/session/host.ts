/*
 * One session: its handshake, heartbeat, queue, upgrade and end.
 * Knows: transports by their contract, the server by `SessionHost`.
 * Must not know: requests, and the content of messages.
 */
import type { RawData } from "@portage/parser/engine";
import type { ReceiveBudget } from "@portage/websocket";
import { type Clock, LONGEST_TIMEOUT } from "../../base/clock.ts";
import type { Emitter } from "../../base/emitter.ts";
import type { CloseReason } from "../report/close-codes.ts";
import type { EventMark } from "../outgoing/prepared-message.ts";
import type { Carry } from "../carry/carry.ts";
import type { TimingWheel } from "../timing-wheel.ts";
import type { AnyLayerLimitCode } from "../report/limit-codes.ts";
import type { SlowReaderOptions } from "../outgoing/slow-reader.ts";
import type { EngineStats, UpgradeFailure } from "../report/stats.ts";
import {
  type kAdrift,
  kCarry,
  type kEngineClock,
  type kTimingWheel,
  type kReportSessionLimit,
  type kRemoveSession,
  type kReportUpgradeFailure,
  type kReceiving,
  type kSlowReader,
  type kStats,
  kTraceWire,
  kTakeClosing,
  kTakeDrain,
  kTakeEnd,
  type kTakeError,
  kTakeMessage,
} from "../keys.ts";

/** Receives a session's messages and its end by direct calls, instead of public events. */
export interface SessionHandler {
  /** Called for each message. */
  [kTakeMessage](data: RawData): void;
  /** Called after the queue was handed to the transport. */
  [kTakeDrain](): void;
  /** Called before a graceful close. Packets sent during the call still leave. */
  [kTakeClosing](): void;
  /** Called once, when the session has ended. */
  [kTakeEnd](reason: CloseReason): void;
  /** Called if the program emits `error` on the session. */
  [kTakeError]?(error: unknown): void;
}

/** Stands in until a handler is set. */
export const NO_HANDLER: SessionHandler = {
  [kTakeMessage]() {},
  [kTakeDrain]() {},
  [kTakeClosing]() {},
  [kTakeEnd]() {},
};

/** `closing`: packets are being flushed. */
export type SessionState = "opening" | "open" | "closing" | "closed";

/** The part of a session that its server reads here. */
interface HostedSession {
  readonly id: string;
}

/** The part of a session that its handshake packet is made of. */
interface StartedSession extends HostedSession {
  readonly [kCarry]: { readonly key: string; readonly limits: { readonly window: number } } | undefined;
}

/** Takes the trace contexts that clients send before messages, as noop packets with data. */
export interface TraceWire {
  take(session: object, data: RawData): void;
}

/** The part of the server that its sessions use. */
export interface SessionHost extends Emitter {
  readonly [kEngineClock]: Clock;
  readonly [kTimingWheel]: TimingWheel;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly upgradeTimeout: number;
  readonly maxHttpBufferSize: number;
  readonly initialPacket: RawData | undefined;
  readonly [kSlowReader]: Required<SlowReaderOptions>;
  /** Bytes of incomplete messages, of all clients together. */
  readonly [kReceiving]: ReceiveBudget;
  readonly [kStats]: EngineStats;
  readonly [kAdrift]: Set<Carry>;
  /** Set if clients may send trace contexts. */
  readonly [kTraceWire]?: TraceWire | undefined;
  /** Names of the transports that a session on `transport` may be upgraded to. */
  upgrades(transport: string): readonly string[];
  /** Removes a session that has ended. */
  [kRemoveSession](session: HostedSession): void;
  /** Reports a failed upgrade. The session stays on its transport. */
  [kReportUpgradeFailure](session: HostedSession, step: UpgradeFailure): void;
  /** A session is at a limit and goes on. */
  [kReportSessionLimit](session: HostedSession, code: AnyLayerLimitCode, limit: number, actual: number): void;
}

/** How {@link Session.send} sends a message. */
export interface SendFlags {
  /** Whether the transport may compress it. Default true. */
  compress?: boolean | undefined;
  /** Allows dropping or replacing the message while it is queued, together with all others of the same mark. */
  mark?: EventMark | undefined;
}

/** Encodes the data of the `open` packet (Engine.IO protocol, "Handshake"). */
export function handshakeData(
  host: SessionHost,
  transport: string,
  { id: sid, [kCarry]: agreed }: StartedSession,
): string {
  const { maxHttpBufferSize } = host;
  const { pingInterval, pingTimeout } = timesForClient(host);
  const upgrades = host.upgrades(transport);
  const carry = agreed && { key: agreed.key, window: agreed.limits.window };
  const trace = host[kTraceWire] && 1;
  return JSON.stringify({ sid, upgrades, pingInterval, pingTimeout, maxPayload: maxHttpBufferSize, carry, trace });
}

/** Heartbeat times, in milliseconds. */
export interface PingTimes {
  readonly pingInterval: number;
  readonly pingTimeout: number;
}

/**
 * Returns the times to send to a client, capped so that their sum fits one timer. A client sets a timer for the sum, and a
 * timer longer than about 25 days fires at once.
 */
export function timesForClient({ pingInterval, pingTimeout }: PingTimes): PingTimes {
  const timeout = Math.min(pingTimeout, LONGEST_TIMEOUT / 2);
  return {
    pingInterval: Math.floor(Math.min(pingInterval, LONGEST_TIMEOUT - timeout)),
    pingTimeout: Math.floor(timeout),
  };
}
