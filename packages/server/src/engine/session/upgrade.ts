/*
 * The upgrade of one session: a state machine over one candidate transport (Engine.IO protocol, "Upgrade").
 *
 *   client                              server
 *   candidate connects            ->    adopt: idle -> probing, the timer starts
 *   2probe                        ->    probing -> probed
 *                                 <-    3probe
 *                                 <-    6 answers the pending poll, and each poll after it
 *   (no poll pending) 5           ->    probed -> upgraded: commit, then the queue leaves on the candidate
 *
 * Between calls: a candidate and its timer exist in `probing` and `probed` only. The candidate's owner is this object until
 * it commits, so only probes are read from it, and the session receives packets from one transport. `upgraded` and `closed`
 * are final. A failed candidate leads back to `idle`, so the client may try again.
 *
 * A second candidate would break this, so it is refused. Messages of the candidate before its `5` could overtake a POST
 * that is still being read, so any such packet drops the candidate.
 */
import { EnginePacket } from "@portage/parser/engine";
import type { Clock, PendingCall } from "../../base/clock.ts";
import type { CloseReason } from "../report/close-codes.ts";
import { COMPRESS } from "../outgoing/prepared-message.ts";
import { NO_OWNER, type Transport, type TransportOwner } from "../transports/transport.ts";
import { kCommitted, kTransportOwner, kProbed, kUpgradeFailed } from "../keys.ts";

/**
 * Progress of an upgrade.
 *
 * - `idle`: without a candidate
 * - `probing`: a candidate is connected and has sent nothing yet
 * - `probed`: the candidate has sent `2probe` and received `3probe`
 * - `upgraded`: the candidate is now the session's transport
 * - `closed`: the session ended before an upgrade
 */
export type UpgradeAttemptPhase = "idle" | "probing" | "probed" | "upgraded" | "closed";

/**
 * Inputs of the state machine.
 *
 * - `candidate`: a new transport is offered
 * - `probe`, `commit`, `stray`: the candidate sent `2probe`, `5`, or anything else
 * - `lost`: the candidate's connection ended
 * - `timeout`: the candidate took too long
 * - `sessionClosed`: the session ended
 */
export type UpgradeAttemptSignal = "candidate" | "probe" | "commit" | "stray" | "lost" | "timeout" | "sessionClosed";

type UpgradeAction =
  /** Becomes the candidate's owner and starts its timer. */
  | "adopt"
  /** Closes the new transport; the session and its candidate continue. */
  | "refuse"
  /** Answers `3probe` and notifies the session. */
  | "answer"
  /** Makes the candidate the session's transport. */
  | "commit"
  /** Closes the candidate; the session stays on its transport. */
  | "drop"
  /** Forgets a candidate that has ended; the session stays on its transport. */
  | "forget"
  /** Does nothing; the transport is no longer a candidate. */
  | "ignore";

type UpgradeCell = readonly [next: UpgradeAttemptPhase, action: UpgradeAction];

/** What each signal does in each phase. The tests cover every cell. */
export const UPGRADE_ATTEMPT_TABLE: Readonly<
  Record<UpgradeAttemptPhase, Readonly<Record<UpgradeAttemptSignal, UpgradeCell>>>
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
    commit: ["upgraded", "commit"], // clients may skip the probe
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
    sessionClosed: ["upgraded", "ignore"], // `upgraded` stays readable
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

/** The part of a session that its upgrade calls. */
export interface UpgradingSession {
  /** Called after a successful probe. The pending poll must end, so that the client can commit. */
  [kProbed](candidate: Transport): void;
  /** Called when the client commits, so many milliseconds after it connected. The candidate becomes the session's transport. */
  [kCommitted](candidate: Transport, took: number): void;
  /** Called if a candidate fails or is refused. The session stays on its transport. */
  [kUpgradeFailed]?(signal: UpgradeAttemptSignal): void;
}

const PROBE_ANSWER = new EnginePacket("pong", "probe", COMPRESS);

/**
 * The upgrade of one session. Owns the candidate until it commits, and follows {@link UPGRADE_ATTEMPT_TABLE}.
 */
export class UpgradeAttempt implements TransportOwner {
  readonly #host: UpgradingSession;
  readonly #clock: Clock;
  readonly #timeout: number;
  #phase: UpgradeAttemptPhase = "idle";
  #candidate: Transport | undefined;
  #timer: PendingCall | undefined;
  /** When the candidate connected. */
  #since = 0;

  /** @param timeout most milliseconds from the candidate's connection to its `5` */
  constructor(host: UpgradingSession, clock: Clock, timeout: number) {
    this.#host = host;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  get phase(): UpgradeAttemptPhase {
    return this.#phase;
  }

  /** Offers a transport. It is closed if it can't become the candidate. */
  offer(transport: Transport): void {
    this.#signal("candidate", transport);
  }

  /** Refuses a transport of the same kind as the current one. */
  refuse(transport: Transport): void {
    this.#host[kUpgradeFailed]?.("candidate");
    transport.turnAway();
  }

  /** Drops the candidate of a session that has ended. */
  sessionClosed(): void {
    this.#signal("sessionClosed");
  }

  /** Cuts the candidate of a session that goes on without it. A goodbye would end the session if the client has committed. */
  cut(): void {
    const candidate = this.#release();
    this.sessionClosed();
    candidate?.drop();
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

  #signal(signal: UpgradeAttemptSignal, newcomer?: Transport): void {
    const [next, action] = UPGRADE_ATTEMPT_TABLE[this.#phase][signal];
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
        if (candidate) this.#host[kCommitted](candidate, this.#clock.now() - this.#since);
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
    this.#since = this.#clock.now();
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
