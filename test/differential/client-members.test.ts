import * as ours from "@portage/client";
import * as reference from "socket.io-client";
import { afterEach, describe, expect, test, vi } from "vitest";

// Every own and inherited member of the reference's classes, and the results of its functions for odd arguments.

type Names = Record<string, string>;

/** Members that the client lacks, and why. */
const MISSING: Record<string, Names> = {
  manager: {
    "_reconnectionDelay, _reconnectionDelayMax, _randomizationFactor": "`backoff` keeps these numbers",
    "maybeReconnectOnOpen, onping, ondata, ondecoded, onerror, onreconnect": "steps of the reference's own, not called",
  },
  socket: {
    "subEvents, _registerAckCallback, _addToQueue, _drainQueue, _queueSeq": "steps of the reference's own, not called",
    "_sendConnectPacket, onerror, _clearAcks, emitBuffered, notifyOutgoingListeners":
      "steps of the reference's own, not called",
  },
  engine: {
    "_prevBufferLen, _upgrades, _pingInterval, _pingTimeout, _transportsByName": "state of the reference's own",
    _maxPayload: "`maxPayload` is the same, and public",
    "_open, _probe, onOpen, _onPacket, onHandshake, _resetPingTimeout, _onDrain, _getWritablePackets, _onClose":
      "steps of the reference's own, not called",
    setTransport: "a step of the reference's own, not called",
  },
  transport: {
    _callbacks: "there with the first listener of a program: the session is none",
    "_polling, pollXhr, doWrite, doPoll, _poll, _hostname, _port, _query":
      "steps and state of the reference's own; a transport of a program overrides `doOpen`, `doClose` and `write`",
  },
};

function members(object: object): Set<string> {
  const names = new Set<string>();
  for (let at: object = object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return names;
}

interface Parts {
  manager: object;
  socket: object;
  engine: { transport: object };
}
const opened: { _close(): void }[] = [];
function parts({ Manager }: { Manager: unknown }): Parts {
  const manager = new (Manager as typeof ours.Manager)("http://localhost:1", {
    autoConnect: false,
    reconnection: false,
  });
  const socket = manager.socket("/");
  opened.push(manager);
  manager.open(() => {});
  return { manager, socket, engine: manager.engine };
}
afterEach(() => {
  for (const manager of opened.splice(0)) manager._close();
});

test.each(["manager", "socket", "engine", "transport"])("members of the %s", (part) => {
  const pick = (all: Parts): object => (part === "transport" ? all.engine.transport : all[part as "manager"]);
  const mine = pick(parts(ours));
  const missing = [...members(pick(parts(reference)))].filter((name) => !(name in mine));
  const known = Object.keys(MISSING[part]!).flatMap((names) => names.split(", "));
  expect(missing.sort()).toEqual(known.sort());
});

const ODD = [0, -1, NaN, Infinity, 2 ** 31, "0", "", null, false, undefined];

/** Returns the outcome of a call for a program: its error, or its printed result. */
function outcome(call: () => unknown): unknown {
  try {
    const result = call();
    return typeof result === "object" && result !== null ? "object" : result;
  } catch (error) {
    return error instanceof TypeError ? "crash" : "error";
  }
}

type Make = (options: object) => ours.Manager;
const OURS: Make = (options) => track(new ours.Manager("http://localhost:1", { autoConnect: false, ...options }));
const REFERENCE: Make = (options) =>
  track(new reference.Manager("http://localhost:1", { autoConnect: false, ...options }) as unknown as ours.Manager);
function track(manager: ours.Manager): ours.Manager {
  opened.push(manager);
  return manager;
}

describe.each(ODD)("%o", (value) => {
  test.each([
    "reconnection",
    "reconnectionAttempts",
    "reconnectionDelay",
    "reconnectionDelayMax",
    "randomizationFactor",
    "timeout",
  ] as const)("as the option %s: the same setting", (name) => {
    expect(OURS({ [name]: value })[name]()).toEqual(REFERENCE({ [name]: value })[name]());
  });

  // the reference sometimes uses undefined as a value, and then waits 0 ms or fails
  test
    .skipIf(value === undefined)
    .each([
      "reconnection",
      "reconnectionAttempts",
      "reconnectionDelay",
      "reconnectionDelayMax",
      "randomizationFactor",
      "timeout",
    ] as const)("as the argument of %s(): the same setting", (name) => {
    const set = (make: Make): unknown => (make({})[name] as (value: unknown) => ours.Manager)(value)[name]();
    expect(set(OURS)).toEqual(set(REFERENCE));
  });

  // for an invalid parser the reference throws or uses its default; this client uses Socket.IO's
  test("as the option parser: the usual one", () => {
    const socket = OURS({ parser: value }).socket("/");
    expect(outcome(() => socket.emit("a"))).toBe("object");
  });

  test("as the option auth: the same credentials", () => {
    const auth = (make: Make): unknown => make({}).socket("/", { auth: value } as object).auth;
    expect(auth(OURS)).toEqual(auth(REFERENCE));
  });

  test.each(["forceNew", "multiplex", "autoConnect", "auth", "retries", "ackTimeout", "path"])(
    "as the option %s: the same socket",
    (name) => {
      const seen = (make: Make): unknown[] => {
        const manager = make({ [name]: value, reconnection: false });
        const socket = manager.socket("/", { [name]: value });
        const state = [socket.active, socket.connected, manager.opts.path, manager._autoConnect];
        socket.emit("a", 1);
        return [...state, socket.sendBuffer.length, socket._queue.length];
      };
      expect(seen(OURS)).toEqual(seen(REFERENCE));
    },
  );

  test.each<[string, (socket: ours.Socket) => unknown]>([
    ["send", (socket) => socket.send(value)],
    ["an argument of emit", (socket) => socket.emit("a", value)],
    ["compress", (socket) => socket.compress(value as boolean).emit("a")],
    ["timeout", (socket) => socket.timeout(value as number).emit("a")],
    ["off", (socket) => socket.off(value as string)],
    ["off with a listener", (socket) => socket.off("a", value as unknown as () => void)],
    ["offAny", (socket) => socket.offAny(value as unknown as () => void)],
    ["offAnyOutgoing", (socket) => socket.offAnyOutgoing(value as unknown as () => void)],
    ["on", (socket) => socket.on("a", value as never).listeners("a").length],
    ["once", (socket) => socket.once("a", value as never).listeners("a").length],
    ["onAny", (socket) => socket.onAny(value as never).listenersAny().length],
    ["prependAny", (socket) => socket.prependAny(value as never).listenersAny().length],
    ["onAnyOutgoing", (socket) => socket.onAnyOutgoing(value as never).listenersAnyOutgoing().length],
    ["prependAnyOutgoing", (socket) => socket.prependAnyOutgoing(value as never).listenersAnyOutgoing().length],
    ["listeners", (socket) => socket.listeners(value as string).length],
    ["hasListeners", (socket) => socket.hasListeners(value as string)],
    ["on as a name", (socket) => socket.on(value as string, () => {}).listeners(value as string).length],
  ])("in %s: the same outcome", (_, call) => {
    const seen = (make: Make): unknown[] => {
      const socket = make({}).socket("/");
      const result = outcome(() => call(socket));
      return [result, socket.sendBuffer.map(({ data, options }) => [data, options]), socket.flags];
    };
    expect(seen(OURS)).toEqual(seen(REFERENCE));
  });

  // servers end the connection for other names: this client throws, the reference loses the connection
  test("as the name of an event: sent, or refused at the call", () => {
    const isName = typeof value === "string" || Number.isFinite(value);
    const socket = OURS({}).socket("/");
    expect(outcome(() => socket.emit(value as string))).toBe(isName ? "object" : "error");
    expect(socket.sendBuffer.map(({ data }) => data)).toEqual(isName ? [[value]] : []);
  });

  test("as a time: timers of the platform get valid delays only", () => {
    const delays: unknown[] = [];
    const spy = vi
      .spyOn(globalThis, "setTimeout")
      .mockImplementation(((_: unknown, ms: unknown) => delays.push(ms)) as never);
    try {
      const manager = OURS({
        timeout: value,
        reconnectionDelay: value,
        reconnectionDelayMax: value,
        ackTimeout: value,
      });
      manager.open(() => {});
      manager._close();
      manager.socket("/", { ackTimeout: value as number }).emit("a", () => {});
      manager
        .socket("/")
        .timeout(value as number)
        .emit("a", () => {});
      for (let i = 0; i < 40; i++) delays.push(manager.backoff.duration());
    } finally {
      spy.mockRestore();
    }
    for (const delay of delays) {
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThan(2 ** 31);
    }
  });
});
