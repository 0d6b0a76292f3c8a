import { afterEach, beforeEach, vi } from "vitest";
import type { CarryPhase } from "../../../../../packages/client/src/engine/carry.ts";
import type { SocketOptions } from "../../../../../packages/client/src/engine/options.ts";
import { pageListeners } from "../../../../../packages/client/src/engine/platform/page.ts";
import { Socket } from "../../../../../packages/client/src/engine/socket.ts";
import { FakeTransport, type fakeTransport, made } from "../fake-transport.ts";

export const RETRY = 300;
export const WINDOW = 10_000;
const HANDSHAKE = { upgrades: [], pingInterval: 3_600_000, maxPayload: 1e6, carry: { key: "the-key", window: WINDOW } };

/** A transport that can refuse a request. */
class Peer extends FakeTransport {
  /** Answers a request with an HTTP status. */
  refuse(status: number, responseText = "", code?: "PAYLOAD_TOO_LARGE"): void {
    this.onError("refused", status, { status, responseText }, code);
  }

  /** Takes a client that returns, after `count` messages. */
  welcome(count: number): void {
    if (this.readyState === "closed") return;
    this.opens();
    this.receive("noop", String(count));
  }

  /** Query of its next request. */
  get asked(): Record<string, unknown> {
    const { EIO: _revision, transport: _name, ...asked } = this.query;
    return asked;
  }
}

class FakePolling extends Peer {
  override get name(): string {
    return "polling";
  }

  override drop_(): void {
    super.drop_();
    this.readyState = "closed";
  }
}

class FakeWebSocket extends Peer {
  /** `bufferedAmount`. */
  waiting = 0;

  override get name(): string {
    return "websocket";
  }

  override get buffered_(): number {
    return this.waiting;
  }
}

function listed(Kind: new (options: object) => Peer): ReturnType<typeof fakeTransport> {
  return class extends Kind {
    constructor(options: object) {
      super(options);
      made.push(this);
    }
  };
}

const KINDS = { polling: listed(FakePolling), websocket: listed(FakeWebSocket) };
type Kind = keyof typeof KINDS;

let hosts = 0;

/** A socket whose transports the test answers; each has a server of its own, as sockets remember servers. */
export function prepare(names: readonly Kind[] = ["websocket", "polling"], options: SocketOptions = {}) {
  made.length = 0;
  const socket = new Socket(`http://server-${hosts++}.example`, {
    transportImplementations: names.map((name) => KINDS[name]),
    upgrade: false,
    ...options,
  });
  const closes: [string, unknown][] = [];
  const events: string[] = [];
  const messages: unknown[] = [];
  socket.on("close", (reason, details) => closes.push([reason, details]));
  socket.on("error", (error) => events.push(`error ${(error as Error).message}`));
  socket.on("carried", (from, to) => events.push(`${from} to ${to}`));
  socket.on("message", (data) => messages.push(data));
  return {
    socket,
    closes,
    events,
    messages,
    /** The transport made last. */
    last: () => made.at(-1) as Peer & { waiting: number },
    phase: (): CarryPhase | undefined => socket.carry_?.phase_,
  };
}

export type Stage = ReturnType<typeof prepare>;

/** The same with an open session that its server carries. */
export function openCarried(names?: readonly Kind[], options?: SocketOptions, handshake: object = {}): Stage {
  const stage = prepare(names, options);
  agree(stage, handshake);
  return stage;
}

/** The server opens the session. */
export function agree(stage: Stage, handshake: object = {}): void {
  stage.last().shakeHands({ ...HANDSHAKE, ...handshake });
}

/** The connection breaks, and the client tries to return. */
export function breakDown(stage: Stage): void {
  const { transport } = stage.socket;
  if (transport.name === "polling") (transport as Peer).fails();
  else (transport as Peer).closes(1006);
  vi.advanceTimersByTime(0);
}

/** For each file: fake timers, and a page without listeners after each test. */
export function useFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    pageListeners.clear();
  });
}
