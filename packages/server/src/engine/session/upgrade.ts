import { EnginePacket } from "@portage/parser/engine";
import type { Clock, Timer } from "../../base/clock.ts";
import type { CloseReason } from "../report/close-codes.ts";
import { COMPRESS } from "../outgoing/prepared-message.ts";
import { NO_OWNER, type Transport, type TransportOwner } from "../transports/transport.ts";
import { kCommitted, kTransportOwner, kProbed, kUpgradeFailed } from "../keys.ts";

/**
 * Where a session stands on its way from polling to a better transport.
 *
 * - `idle`: no candidate; one may come
 * - `probing`: a candidate is connected and has said nothing yet
 * - `probed`: the candidate has sent `2probe` and got `3probe`
 * - `upgraded`: the candidate has become the session's transport
 * - `closed`: the session ended before it could be upgraded
 */
export type SessionUpgradePhase = "idle" | "probing" | "probed" | "upgraded" | "closed";

/**
 * What can happen to an upgrade.
 *
 * - `candidate`: a transport wants to take over
 * - `probe`, `commit`, `stray`: the candidate sent `2probe`, `5`, or anything else
 * - `lost`: the candidate's connection ended
 * - `timeout`: the candidate took too long
 * - `sessionClosed`: the session ended
 */
export type SessionUpgradeSignal = "candidate" | "probe" | "commit" | "stray" | "lost" | "timeout" | "sessionClosed";

type UpgradeAction =
  /** Takes the candidate in and gives it a time limit. */
  | "adopt"
  /** Closes the newcomer; the session and its candidate go on. */
  | "refuse"
  /** Answers `3probe` and tells the session. */
  | "answer"
  /** Makes the candidate the session's transport. */
  | "commit"
  /** Closes the candidate; the session stays where it is. */
  | "drop"
  /** The candidate is gone by itself; the session stays where it is. */
  | "forget"
  /** Nothing to do: the signal comes from a transport that is no candidate any more. */
  | "ignore";

type UpgradeCell = readonly [next: SessionUpgradePhase, action: UpgradeAction];

/** The whole upgrade: what each signal does in each phase. Walked cell by cell in the tests. */
export const SESSION_UPGRADE_TABLE: Readonly<
  Record<SessionUpgradePhase, Readonly<Record<SessionUpgradeSignal, UpgradeCell>>>
> = {
  idle: {
    candidate: ["probing", "adopt"],
    probe: ["idle", "ignore"],
    commit: ["idle", "ignore"],
    stray: ["idle", "ignore"],
    lost: ["idle", "ignore"],
    timeout: ["idle", "ignore"],
    sessionClosed: ["closed", "ignore"],
  },
  probing: {
    candidate: ["probing", "refuse"],
    probe: ["probed", "answer"],
    commit: ["upgraded", "commit"], // a client may skip the probe
    stray: ["idle", "drop"],
    lost: ["idle", "forget"],
    timeout: ["idle", "drop"],
    sessionClosed: ["closed", "drop"],
  },
  probed: {
    candidate: ["probed", "refuse"],
    probe: ["probed", "answer"],
    commit: ["upgraded", "commit"],
    stray: ["idle", "drop"],
    lost: ["idle", "forget"],
    timeout: ["idle", "drop"],
    sessionClosed: ["closed", "drop"],
  },
  upgraded: {
    candidate: ["upgraded", "refuse"],
    probe: ["upgraded", "ignore"],
    commit: ["upgraded", "ignore"],
    stray: ["upgraded", "ignore"],
    lost: ["upgraded", "ignore"],
    timeout: ["upgraded", "ignore"],
    sessionClosed: ["upgraded", "ignore"], // what has been upgraded stays so
  },
  closed: {
    candidate: ["closed", "refuse"],
    probe: ["closed", "ignore"],
    commit: ["closed", "ignore"],
    stray: ["closed", "ignore"],
    lost: ["closed", "ignore"],
    timeout: ["closed", "ignore"],
    sessionClosed: ["closed", "ignore"],
  },
};

/** What the session does for its upgrade. */
export interface UpgradingSession {
  /** The candidate has proved that it works: the waiting poll must end, so that the client can switch. */
  [kProbed](candidate: Transport): void;
  /** The candidate takes over. */
  [kCommitted](candidate: Transport): void;
  /** The candidate has failed, or could not be taken: the session stays where it is. */
  [kUpgradeFailed]?(signal: SessionUpgradeSignal): void;
}

const PROBE_ANSWER = new EnginePacket("pong", "probe", COMPRESS);

/**
 * The upgrade of one session (Engine.IO protocol, "Upgrade"): owner of the candidate until it is committed, driven by
 * {@link SESSION_UPGRADE_TABLE}.
 */
export class SessionUpgrade implements TransportOwner {
  readonly #host: UpgradingSession;
  readonly #clock: Clock;
  readonly #timeout: number;
  #phase: SessionUpgradePhase = "idle";
  #candidate: Transport | undefined;
  #timer: Timer | undefined;

  /** @param timeout how long a candidate may take from its connection to `5`, in milliseconds */
  constructor(host: UpgradingSession, clock: Clock, timeout: number) {
    this.#host = host;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  get phase(): SessionUpgradePhase {
    return this.#phase;
  }

  /** A transport wants to take over; it is closed when it can't. */
  offer(transport: Transport): void {
    this.#signal("candidate", transport);
  }

  /** A transport wants to take over from one that is as good. */
  refuse(transport: Transport): void {
    this.#host[kUpgradeFailed]?.("candidate");
    transport.turnAway();
  }

  /** The session is over, and with it any attempt. */
  sessionClosed(): void {
    this.#signal("sessionClosed");
  }

  onPacket(packet: EnginePacket): void {
    if (packet.type === "ping" && packet.data === "probe") this.#signal("probe");
    else if (packet.type === "upgrade") this.#signal("commit");
    else this.#signal("stray");
  }

  onDrain(): void {}

  onClose(_reason: CloseReason): void {
    this.#signal("lost");
  }

  #signal(signal: SessionUpgradeSignal, newcomer?: Transport): void {
    const [next, action] = SESSION_UPGRADE_TABLE[this.#phase][signal];
    this.#phase = next;
    if (action === "drop" || action === "forget" || action === "refuse") this.#host[kUpgradeFailed]?.(signal);
    this.#act(action, newcomer);
  }

  #act(action: UpgradeAction, newcomer: Transport | undefined): void {
    switch (action) {
      case "adopt":
        return this.#adopt(newcomer);
      case "refuse":
        return newcomer?.turnAway();
      case "answer":
        return this.#answer();
      case "commit": {
        const candidate = this.#release();
        if (candidate) this.#host[kCommitted](candidate);
        return;
      }
      case "drop":
        return this.#release()?.turnAway();
      case "forget":
        this.#release();
        return;
      case "ignore":
        return;
    }
  }

  #adopt(candidate: Transport | undefined): void {
    if (!candidate) return;
    this.#candidate = candidate;
    candidate[kTransportOwner] = this;
    this.#timer = this.#clock.after(this.#timeout, () => this.#signal("timeout"));
  }

  #answer(): void {
    const candidate = this.#candidate;
    if (!candidate) return;
    candidate.send([PROBE_ANSWER]);
    this.#host[kProbed](candidate);
  }

  #release(): Transport | undefined {
    const candidate = this.#candidate;
    this.#candidate = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (candidate) candidate[kTransportOwner] = NO_OWNER;
    return candidate;
  }
}
