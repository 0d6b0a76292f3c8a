import type { Clock, PendingCall } from "@portage/server/relay";
import { KILL_TIMEOUT } from "./options.ts";

/** How a worker is doing: `starting` until it listens and has joined the cluster. */
export type WorkerState = "starting" | "up" | "leaving" | "ended";

/** A worker, as `workers()` lists it. */
export interface WorkerInfo {
  /** The id that node:cluster gave it. */
  readonly id: number;
  /** The id of its process. Undefined if that could not be started. */
  readonly pid: number | undefined;
  /** How it is doing. */
  readonly state: WorkerState;
}

/** How a worker has ended. */
export interface WorkerEnd {
  /** Its exit code. Null if a signal has ended it. */
  readonly code: number | null;
  /** The signal that has ended it, if one has. */
  readonly signal: string | null;
}

/** A process that was forked. */
export interface Fork {
  readonly id: number;
  readonly pid: number | undefined;
  /** Asks it to drain, to close and to exit. */
  leave(drain: number): void;
  kill(): void;
}

/** Receives what a forked process does. */
export interface ForkObserver {
  /** It has started to listen, or its nodes have joined. */
  onStep(step: StartStep): void;
  onEnd(end: WorkerEnd): void;
}

/** What has to happen until a worker is up. */
export type StartStep = "listening" | "ready";

/** Starts a process. */
export type Forker = (observer: ForkObserver) => Fork;

/** Receives the changes of a worker. */
export interface ChildObserver {
  onState(child: Child): void;
  onUp(child: Child): void;
  /** @param from the state before the end */
  onEnd(child: Child, end: WorkerEnd, from: WorkerState): void;
}

/** What a worker of the primary needs. */
export interface Nursery {
  readonly clock: Clock;
  readonly fork: Forker;
  readonly startTimeout: number;
  readonly drain: number;
}

/**
 * One worker, from its fork to its end. Each of its states has at most one timer: the time that it has for its start, or for
 * leaving. Both end with a kill, so that every worker ends.
 */
export class Child implements ForkObserver {
  readonly #nursery: Nursery;
  readonly #observer: ChildObserver;
  readonly #fork: Fork;
  readonly #missing = new Set<StartStep>(["listening", "ready"]);
  readonly #startedAt: number;
  /** Resolves with true when it is up, with false when it has ended before. */
  readonly started: Promise<boolean>;
  readonly ended: Promise<void>;
  #settleStart: (isUp: boolean) => void = () => {};
  #settleEnd: () => void = () => {};
  #timer: PendingCall;
  #state: WorkerState = "starting";

  constructor(nursery: Nursery, observer: ChildObserver) {
    const { clock, fork, startTimeout } = nursery;
    this.#nursery = nursery;
    this.#observer = observer;
    this.#startedAt = clock.now();
    this.started = new Promise((resolve) => (this.#settleStart = resolve));
    this.ended = new Promise((resolve) => (this.#settleEnd = resolve));
    this.#fork = fork(this);
    this.#timer = clock.after(startTimeout, () => this.#fork.kill());
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Milliseconds since its start. */
  get age(): number {
    return this.#nursery.clock.now() - this.#startedAt;
  }

  get info(): WorkerInfo {
    return { id: this.#fork.id, pid: this.#fork.pid, state: this.#state };
  }

  onStep(step: StartStep): void {
    this.#missing.delete(step);
    if (this.#missing.size > 0 || this.#state !== "starting") return;
    this.#timer.cancel();
    this.#enter("up");
    this.#observer.onUp(this);
    this.#settleStart(true);
  }

  /** Asks the worker to leave. It has the time of `drain`, and some to close. */
  leave(): void {
    if (this.#state !== "starting" && this.#state !== "up") return;
    const { clock, drain } = this.#nursery;
    this.#timer.cancel();
    this.#timer = clock.after(drain + KILL_TIMEOUT, () => this.#fork.kill());
    this.#enter("leaving");
    this.#fork.leave(drain);
  }

  /** Ends the worker at once. */
  kill(): void {
    if (this.#state !== "ended") this.#fork.kill();
  }

  onEnd(end: WorkerEnd): void {
    if (this.#state === "ended") return;
    const from = this.#state;
    this.#timer.cancel();
    this.#enter("ended");
    this.#observer.onEnd(this, end, from);
    this.#settleStart(false);
    this.#settleEnd();
  }

  #enter(state: WorkerState): void {
    this.#state = state;
    this.#observer.onState(this);
  }
}
