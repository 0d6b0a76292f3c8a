import { EventEmitter } from "node:events";
import { afterEach } from "vitest";
import { TimingWheel } from "../../../packages/server/src/engine/timing-wheel.ts";
import type { SessionHost } from "../../../packages/server/src/engine/session/host.ts";
import { Session } from "../../../packages/server/src/engine/session/session.ts";
import { resolveSlowReader, type SlowReaderOptions } from "../../../packages/server/src/engine/outgoing/slow-reader.ts";
import { EngineStats } from "../../../packages/server/src/engine/report/stats.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { FakeTransport } from "./fake-transport.ts";
import type { Carry } from "../../../packages/server/src/engine/carry/carry.ts";
import type { CarryOptions } from "../../../packages/server/src/engine/carry/options.ts";
import { carryFor } from "../../../packages/server/src/engine/carry/return.ts";
import {
  kAdrift,
  kCarry,
  kEngineClock,
  kSetSessionHandler,
  kTimingWheel,
  kReportSessionLimit,
  kRemoveSession,
  kReportUpgradeFailure,
  kSlowReader,
  kStats,
  kTakeClosing,
  kTakeDrain,
  kTakeEnd,
  kTakeMessage,
} from "../../../packages/server/src/engine/keys.ts";
import { start } from "../../../packages/server/src/engine/session/start.ts";

export const PING_INTERVAL = 25_000;
export const PING_TIMEOUT = 20_000;

class FakeHost extends EventEmitter {
  readonly clock = new FakeClock();
  readonly heartbeat = new TimingWheel(this.clock, PING_TIMEOUT, PING_INTERVAL + PING_TIMEOUT);
  readonly pingInterval = PING_INTERVAL;
  readonly pingTimeout = PING_TIMEOUT;
  readonly upgradeTimeout = 10_000;
  readonly maxHttpBufferSize = 1e6;
  readonly initialPacket = undefined;
  readonly stats = new EngineStats();
  slowReader = resolveSlowReader();
  readonly [kEngineClock] = this.clock;
  readonly [kTimingWheel] = this.heartbeat;
  readonly [kStats] = this.stats;
  readonly [kAdrift] = new Set<Carry>();

  get [kSlowReader](): Required<SlowReaderOptions> {
    return this.slowReader;
  }

  readonly closed: string[] = [];
  readonly limits: string[] = [];
  upgrades = (transport: string): string[] => (transport === "polling" ? ["websocket"] : []);
  [kReportSessionLimit] = (_session: unknown, code: string): void => void this.limits.push(code);
  readonly failedUpgrades: string[] = [];
  [kReportUpgradeFailure] = (_session: unknown, step: string): void => void this.failedUpgrades.push(step);
  [kRemoveSession] = (session: Session): void => void this.closed.push(session.id);
}

const opened: Session[] = [];

// What a session has queued counts for the process, in the next test as well.
afterEach(() => {
  for (const session of opened.splice(0)) session.close(true);
});

/** A session in memory with its surroundings; records its packets and events. */
export function openSession(
  options: { transport?: string; protocol?: 3 | 4; carry?: boolean | CarryOptions | undefined } = {},
) {
  const host = new FakeHost();
  const transport = new FakeTransport(options.transport ?? "polling", options.protocol ?? 4);
  const request = { socket: { remoteAddress: "127.0.0.1" } };
  const session = new Session("the-session", host as unknown as SessionHost, transport, request as never);
  const received: string[] = [];
  const closes: Array<{ reason: string; code: string }> = [];
  session[kSetSessionHandler]({
    [kTakeMessage]: (data) => void received.push(String(data)),
    [kTakeDrain]() {},
    [kTakeClosing]() {},
    [kTakeEnd]: ({ reason, code }) => void closes.push({ reason, code }),
  });
  if (options.carry !== undefined) session[kCarry] = carryFor(session, { carry: "1" }, options.carry);
  opened.push(session);
  start(session);
  transport.drain();
  return { host, clock: host.clock, session, transport, received, closes };
}

/** Runs all callbacks queued for the end of the tick. */
export const endOfTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
