import type { PendingCall } from "@portage/server/relay";
import { RestartBackoff } from "./backoff.ts";
import { Child, type ChildObserver, type Nursery, type WorkerEnd, type WorkerState } from "./child.ts";
import { WorkersError } from "./errors.ts";

/** Receives what happens in a place. */
export interface PlaceObserver {
  onState(child: Child): void;
  onRestart(child: Child, end: WorkerEnd, delay: number): void;
  /** A worker that was asked to leave has ended. */
  onLeft(end: WorkerEnd): void;
  /** Workers of this place ended before they were up, so often in a row. */
  onFailures(count: number): void;
}

/**
 * One of the places for workers. Invariant while it is open: one worker starts or serves here, or the next start is
 * scheduled, or the worker that replaces it starts. So a place never stays empty, and never has two restarts under way.
 */
export class WorkerPlace implements ChildObserver {
  readonly #nursery: Nursery;
  readonly #observer: PlaceObserver;
  readonly #backoff = new RestartBackoff();
  /** All that have not ended; some may be leaving. */
  readonly #children = new Set<Child>();
  #current: Child;
  #next: Child | undefined;
  #restart: PendingCall | undefined;
  #failures = 0;
  #isOpen = true;

  constructor(nursery: Nursery, observer: PlaceObserver) {
    this.#nursery = nursery;
    this.#observer = observer;
    this.#current = this.#start();
  }

  get children(): ReadonlySet<Child> {
    return this.#children;
  }

  #start(): Child {
    const child = new Child(this.#nursery, this);
    this.#children.add(child);
    this.#observer.onState(child);
    return child;
  }

  /**
   * Starts another worker in this place. Once it is up, the old one leaves; resolves when that has ended. A place whose
   * worker has just ended restarts it anyway.
   *
   * @throws WorkersError `ROLL_FAILED` if the new one ends before it is up; the old one serves on
   */
  async replace(): Promise<void> {
    await this.#current.started;
    const old = this.#current;
    if (old.state !== "up" || !this.#isOpen) return;
    const next = this.#start();
    this.#next = next;
    if (await next.started) return old.ended;
    if (this.#isOpen) throw new WorkersError("ROLL_FAILED");
  }

  /** Asks all workers of the place to leave, and resolves when they have ended. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#restart?.cancel();
    const children = [...this.#children];
    for (const child of children) child.leave();
    await Promise.all(children.map(({ ended }) => ended));
  }

  /** Ends all workers of the place at once. */
  kill(): void {
    this.#isOpen = false;
    this.#restart?.cancel();
    for (const child of this.#children) child.kill();
  }

  onState(child: Child): void {
    this.#observer.onState(child);
  }

  onUp(child: Child): void {
    this.#failures = 0;
    if (child !== this.#next) return;
    const old = this.#current;
    this.#current = child;
    this.#next = undefined;
    old.leave();
  }

  onEnd(child: Child, end: WorkerEnd, from: WorkerState): void {
    this.#children.delete(child);
    if (from === "leaving") this.#observer.onLeft(end);
    if (child === this.#next) this.#next = undefined;
    else if (child === this.#current && from === "starting") this.#failures += 1;
    // A worker that starts to replace this one takes its place. Others that leave have been replaced.
    if (!this.#isOpen || this.#next || this.#current.state !== "ended" || this.#restart) return;
    const delay = this.#backoff.next(child.age);
    this.#observer.onRestart(child, end, delay);
    this.#schedule(delay);
    if (this.#failures > 0) this.#observer.onFailures(this.#failures);
  }

  #schedule(delay: number): void {
    const restart = (): void => {
      this.#restart = undefined;
      this.#current = this.#start();
    };
    if (delay === 0) restart();
    else this.#restart = this.#nursery.clock.after(delay, restart);
  }
}
