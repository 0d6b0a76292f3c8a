/*
 * Moves an open session from polling to a better transport, one candidate at a time. UpgradePhase lists the states,
 * UPGRADE_TABLE the transitions.
 *
 * Invariants between calls:
 * - `#candidate` is set, and a timer runs, exactly in `opening`, `probing` and `pausing`. The upgrade is the candidate's
 *   handler, the session stays the handler of the old transport.
 * - The old transport works normally until `pausing`. In `pausing` it finishes its requests, and `isHolding_` keeps the
 *   session from sending; each way out of `pausing` calls `flush`.
 * - A candidate leaves either as the session's transport or discarded, so its later events are ignored.
 *
 * `5` must not be sent before polling is at rest: packets of a POST under way could arrive too late or out of order. An
 * exit from `pausing` without `flush` would leave the queue stuck.
 */
import type { Packet } from "@portage/parser/engine";
import { endAttempt } from "./diagnosis.ts";
import { ENGINE_ERRORS, EngineError } from "./errors.ts";
import { after } from "./platform/timers.ts";
import type { Session } from "./session.ts";
import type { SessionUpgrade } from "./session-parts.ts";
import {
  type CloseDetails,
  discard,
  type Transport,
  type TransportEvent,
  type TransportHandler,
} from "./transports/transport.ts";

/**
 * Phase of an upgrade to a better transport.
 *
 * - `idle`: without a candidate
 * - `opening`: the candidate is connecting
 * - `probing`: `2probe` was sent, `3probe` is expected
 * - `pausing`: the candidate works; polling finishes its requests, and the session sends nothing
 * - `upgraded`: `5` was sent, and the candidate is the session's transport
 * - `closed`: the session has ended
 */
export type UpgradePhase = "idle" | "opening" | "probing" | "pausing" | "upgraded" | "closed";

/**
 * Event of an upgrade.
 *
 * - `start`: a transport is left to try
 * - `open`, `answer`, `stray`: the candidate opened, received `3probe`, received another packet
 * - `lost`: the candidate failed or closed, or the time limit expired
 * - `paused`: polling is at rest
 * - `end`: the session has ended
 */
export type UpgradeSignal = "start" | "open" | "answer" | "stray" | "lost" | "paused" | "end";

/** Transitions of every phase with a candidate. */
const ENDS = { lost: "idle", end: "closed" } as const;

/** The next phase, by phase and signal; signals without a cell are ignored. Tests cover each cell. */
export const UPGRADE_TABLE: Readonly<Record<UpgradePhase, Readonly<Partial<Record<UpgradeSignal, UpgradePhase>>>>> = {
  idle: { start: "opening", end: "closed" },
  opening: { ...ENDS, open: "probing" },
  probing: { ...ENDS, answer: "pausing", stray: "idle" },
  pausing: { ...ENDS, paused: "upgraded" },
  upgraded: { end: "closed" },
  closed: {},
};

/** The session, as its upgrade sees it. */
export interface UpgradeHost extends Session {
  /** Milliseconds for which no WebSocket is tried. */
  calm_(): number;
  /** Returns the offered transports that the client has. */
  _filterUpgrades(upgrades: readonly string[]): string[];
  createTransport(name: string): Transport;
  /** Remembers that the transport of this name works. */
  remember_(name: string): void;
}

/** Why an upgrade failed. */
type Cause = Error | CloseDetails | string;

/** Upgrade of one session (Engine.IO protocol, "Upgrade"). */
export class Upgrade implements SessionUpgrade, TransportHandler {
  phase_: UpgradePhase = "idle";
  readonly #host: UpgradeHost;
  /** Names of the transports left to try. */
  #names: string[] = [];
  #candidate: Transport | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(host: UpgradeHost) {
    this.#host = host;
  }

  get isHolding_(): boolean {
    return this.phase_ === "pausing";
  }

  begin_(offered: readonly string[]): void {
    const host = this.#host;
    this.#names = host._filterUpgrades(offered).filter((name) => name !== host.transport.name);
    const pause = this.#names.includes("websocket") && host.calm_();
    if (pause) this.#stopTimer = after(host, pause, () => this.begin_(offered));
    else this.#tryNext();
  }

  end_(): void {
    this.#signal("end", "socket closed");
  }

  onTransport_(event: TransportEvent, value: unknown): void {
    if (event === "packet") {
      const { type, data } = value as Packet;
      this.#signal(type === "pong" && data === "probe" ? "answer" : "stray");
    } else if (event === "open") this.#signal(event);
    else if (event === "error") this.#signal("lost", value as Error);
    else if (event === "close") this.#signal("lost", (value as CloseDetails) ?? "transport closed");
  }

  #tryNext(): void {
    if (this.#names.length) this.#signal("start");
  }

  #signal(signal: UpgradeSignal, cause?: Cause): void {
    const host = this.#host;
    const step = this.phase_;
    const next = UPGRADE_TABLE[step][signal];
    if (!next) return;
    this.phase_ = next;
    // opening and probing share one time limit
    if (next === "probing") return this.#candidate!.send([{ type: "ping", data: "probe" }]);
    this.#stopTimer?.();
    if (next === "opening") this.#candidate = host.createTransport(this.#names.shift()!);
    const candidate = this.#candidate;
    if (!candidate) return;
    this.#stopTimer = after(host, host.opts.upgradeTimeout!, () => this.#signal("lost", "timeout"));
    if (next === "opening") host.launch_(candidate, "upgrade", this);
    else if (next === "pausing") {
      host["emitReserved"]("upgrading", candidate);
      host.remember_(candidate.name);
      // a listener may have ended the session
      if (this.#candidate)
        host.transport.pause(() => {
          // ignores a pause that ends after the upgrade has failed
          if (candidate === this.#candidate) this.#signal("paused");
        });
    } else {
      this.#stopTimer();
      this.#candidate = undefined;
      if (next === "upgraded") commit(host, candidate);
      else abandon(host, candidate, step, cause);
      // sends packets queued during the pause
      host.flush();
      this.#tryNext();
    }
  }
}

function commit(host: UpgradeHost, candidate: Transport): void {
  endAttempt(candidate, "upgraded");
  host.use_(candidate);
  candidate.send([{ type: "upgrade" }]);
  host["emitReserved"]("upgrade", candidate);
}

function abandon(host: UpgradeHost, candidate: Transport, step: UpgradePhase, cause?: Cause): void {
  discard(candidate);
  const text = cause instanceof Error || typeof cause === "string" ? String(cause) : "transport closed";
  const message = ENGINE_ERRORS.UPGRADE_FAILED + (cause ? ": " + text : "");
  const error = new EngineError("UPGRADE_FAILED", message, { transport: candidate.name, step, cause });
  endAttempt(candidate, "failed", error);
  if (host.readyState !== "closed" && !host.carry_?.isHolding_) host.transport.resume();
  host["emitReserved"]("upgradeError", error);
}
