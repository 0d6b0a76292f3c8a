import type { Beating, HeartbeatWheel } from "../heartbeat.ts";

/** Why a body is given up before it is complete: codes of the session's end. */
export type UploadFailure = "POST_LATE" | "POST_BUDGET";

/** A request body of which more is to come. */
export interface Upload extends Beating {
  /** Bytes that it takes in memory. */
  readonly held: number;
  /** Nobody waits for the rest of it. */
  giveUp(why: UploadFailure): void;
}

/** Bounds of the bodies that are under way. */
export interface UploadBounds {
  /** Bytes of all of them together. */
  readonly maxPendingPostBytes: number;
  /** How long the next bytes of one may take, in milliseconds. */
  readonly postTimeout: number;
}

/**
 * The request bodies of one engine that are not complete. One of which nothing comes for too long is given up; when all
 * together hold too much, the one that has waited for the longest, so that clients that stall make room for those that
 * don't.
 */
export class Uploads {
  readonly #wheel: HeartbeatWheel;
  readonly #bounds: UploadBounds;
  /** In the order in which they were heard of last. */
  readonly #pending = new Set<Upload>();
  #held = 0;

  constructor(wheel: HeartbeatWheel, bounds: UploadBounds) {
    this.#wheel = wheel;
    this.#bounds = bounds;
  }

  /** Bytes that all of them hold. */
  get held(): number {
    return this.#held;
  }

  /** The value of the option that was exceeded. */
  limitOf(why: UploadFailure): number {
    return why === "POST_LATE" ? this.#bounds.postTimeout : this.#bounds.maxPendingPostBytes;
  }

  /** A body begins, or more of it has come. */
  // hot path
  onProgress(upload: Upload, more: number): void {
    const pending = this.#pending;
    pending.delete(upload);
    pending.add(upload);
    this.#held += more;
    this.#wheel.schedule(upload.beat, this.#bounds.postTimeout);
    if (this.#held > this.#bounds.maxPendingPostBytes) this.#makeRoom();
  }

  #makeRoom(): void {
    for (const upload of this.#pending) {
      if (this.#held <= this.#bounds.maxPendingPostBytes) return;
      upload.giveUp("POST_BUDGET");
    }
  }

  /** A body is complete, or is read no further. */
  // hot path
  onEnd(upload: Upload): void {
    if (!this.#pending.delete(upload)) return;
    this.#held -= upload.held;
    this.#wheel.cancel(upload.beat);
  }
}
