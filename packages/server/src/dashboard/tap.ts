import { isSession, kTap, type PacketTap, type Session } from "../engine/index.ts";
import type { PendingCall } from "../base/clock.ts";
import { kAttached, kCustomParser } from "../socketio/keys.ts";
import { type EnginePart, PacketTexts } from "./packet-text.ts";
import { SEND_INTERVAL, SENDS_A_SECOND } from "./pace.ts";
import type { BoardCore, BoardPart, Viewer } from "./part.ts";
import { Redaction } from "./redaction.ts";
import type { Answer, TappedPacket } from "./wire.ts";

/** Connections that may be tapped at once, by all pages together. */
const MOST_TAPS = 5;
/** Packets of a tap in each second; the rest is counted as skipped. */
const MOST_PACKETS = 200;

/** Packets of one connection for one or more pages. */
class ConnectionTap implements PacketTap {
  readonly handle: string;
  readonly session: Session;
  readonly viewers = new Set<Viewer>();
  readonly #texts: PacketTexts;
  #entries: TappedPacket[] = [];
  #skipped = 0;
  #left = MOST_PACKETS;

  constructor(handle: string, session: Session, texts: PacketTexts) {
    this.handle = handle;
    this.session = session;
    this.#texts = texts;
    session[kTap] = this;
  }

  take(direction: "in" | "out", packet: EnginePart): void {
    if (this.#left === 0) return this.#skip(direction);
    this.#left -= 1;
    try {
      this.#entries.push({ at: Date.now(), direction, ...this.#texts.describe(direction, packet) });
    } catch {
      // The option `redact` returned an object that can't be read.
      this.#skip(direction);
    }
  }

  #skip(direction: "in" | "out"): void {
    this.#skipped += 1;
    this.#texts.skip(direction);
  }

  flush(): void {
    if (this.#entries.length === 0 && this.#skipped === 0) return;
    for (const viewer of this.viewers) viewer.packets(this.handle, this.#entries, this.#skipped);
    this.#entries = [];
    this.#skipped = 0;
  }

  startSecond(): void {
    this.#left = MOST_PACKETS;
  }

  end(): void {
    if (this.session[kTap] === this) this.session[kTap] = undefined;
  }
}

/** The taps of a board. */
class Taps {
  readonly #core: BoardCore;
  readonly #redaction: Redaction;
  readonly #byHandle = new Map<string, ConnectionTap>();
  /** Pages whose end is waited for. */
  readonly #known = new WeakSet<Viewer>();
  #timer: PendingCall | undefined;
  #intervals = 0;

  constructor(core: BoardCore) {
    this.#core = core;
    const { payloads, redact } = core.options;
    this.#redaction = new Redaction({ level: payloads, redact, isSessionId: (text) => this.#find(text) !== undefined });
  }

  #find(sid: string): Session | undefined {
    for (const { clients } of this.#core.io[kAttached].engines) {
      const session: unknown = Object.hasOwn(clients ?? {}, sid) ? clients[sid] : undefined;
      // Sessions of another engine have no place for a tap.
      if (isSession(session)) return session;
    }
    return undefined;
  }

  open(handle: string, viewer: Viewer): Answer<{ readonly ok: true }> {
    let tap = this.#byHandle.get(handle);
    if (tap === undefined) {
      const sid = this.#core.handles.idOf(handle);
      const session = sid === undefined ? undefined : this.#find(sid);
      if (session === undefined) return { error: "UNKNOWN" };
      if (this.#byHandle.size >= MOST_TAPS) return { error: "TOO_MANY" };
      tap = this.#make(handle, session);
    }
    tap.viewers.add(viewer);
    if (!this.#known.has(viewer)) {
      this.#known.add(viewer);
      viewer.onGone(() => this.#leaveAll(viewer));
    }
    return { ok: true };
  }

  #make(handle: string, session: Session): ConnectionTap {
    const isBuiltIn = this.#core.io[kCustomParser] === undefined;
    const tap = new ConnectionTap(handle, session, new PacketTexts(this.#redaction, isBuiltIn));
    this.#byHandle.set(handle, tap);
    this.#timer ??= this.#core.clock.after(SEND_INTERVAL, () => this.#onInterval());
    return tap;
  }

  #onInterval(): void {
    this.#intervals += 1;
    for (const tap of this.#byHandle.values()) {
      tap.flush();
      if (this.#intervals % SENDS_A_SECOND === 0) tap.startSecond();
      if (tap.session.readyState === "closed") this.#end(tap);
    }
    this.#timer =
      this.#byHandle.size === 0 ? undefined : this.#core.clock.after(SEND_INTERVAL, () => this.#onInterval());
  }

  leave(handle: string, viewer: Viewer): void {
    const tap = this.#byHandle.get(handle);
    tap?.viewers.delete(viewer);
    if (tap?.viewers.size === 0) this.#end(tap);
  }

  #leaveAll(viewer: Viewer): void {
    for (const handle of this.#byHandle.keys()) this.leave(handle, viewer);
  }

  #end(tap: ConnectionTap): void {
    tap.end();
    this.#byHandle.delete(tap.handle);
  }

  stop(): void {
    for (const tap of this.#byHandle.values()) this.#end(tap);
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** The part that shows the packets of a connection while a page watches it. */
export function createTaps(core: BoardCore): BoardPart {
  const taps = new Taps(core);
  return {
    features: ["taps"],
    answers: {
      tap: (handle, viewer) => taps.open(handle, viewer),
      untap: (handle, viewer) => taps.leave(handle, viewer),
    },
    stop: () => taps.stop(),
  };
}
