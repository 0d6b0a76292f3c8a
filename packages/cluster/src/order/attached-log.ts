import type { ClusterLog, LogFollower, LogObserver, LogPosition, LogReading, NewEntries } from "./log.ts";
import { ClusterError } from "../core/errors.ts";

/** The log of the current node. Adapters outlive nodes: while there is none, the log is away. */
export class AttachedLog implements ClusterLog {
  #log: ClusterLog | undefined;
  #stop: () => void = () => undefined;
  readonly #followers = new Map<string, LogFollower>();
  readonly #observers = new Set<LogObserver>();

  /** A node has started. */
  attach(log: ClusterLog): void {
    this.detach();
    this.#log = log;
    this.#stop = log.observe({
      onUp: () => this.#reportUp(),
      onDown: () => this.#reportDown(),
    });
    for (const [nsp, follower] of this.#followers) log.follow(nsp, follower);
    if (log.isUp) this.#reportUp();
  }

  /** The node has ended. */
  detach(): void {
    const log = this.#log;
    if (log === undefined) return;
    this.#stop();
    this.#log = undefined;
    for (const [nsp, follower] of this.#followers) {
      log.unfollow(nsp, follower);
      follower.onInterrupted();
    }
    if (log.isUp) this.#reportDown();
  }

  #reportUp(): void {
    for (const observer of this.#observers) observer.onUp();
  }

  #reportDown(): void {
    for (const observer of this.#observers) observer.onDown();
  }

  get isUp(): boolean {
    return this.#log?.isUp === true;
  }

  observe(observer: LogObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.delete(observer);
  }

  follow(nsp: string, follower: LogFollower): void {
    this.#followers.set(nsp, follower);
    this.#log?.follow(nsp, follower);
  }

  unfollow(nsp: string, follower: LogFollower): void {
    if (this.#followers.get(nsp) === follower) this.#followers.delete(nsp);
    this.#log?.unfollow(nsp, follower);
  }

  append(nsp: string, entries: NewEntries): Promise<LogPosition> {
    return this.#log?.append(nsp, entries) ?? Promise.reject(new ClusterError("CLUSTER_CLOSED"));
  }

  async read(nsp: string, after: LogPosition, through: number): Promise<LogReading> {
    return await this.#current().read(nsp, after, through);
  }

  async position(nsp: string, seen?: LogPosition): Promise<LogPosition> {
    return await this.#current().position(nsp, seen);
  }

  #current(): ClusterLog {
    if (this.#log === undefined) throw new ClusterError("CLUSTER_CLOSED");
    return this.#log;
  }
}
