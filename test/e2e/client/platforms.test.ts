import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { createContext, Script } from "node:vm";
import type { io as connect } from "@portage/client";
import { WebSocket } from "@portage/websocket";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

/**
 * The client as browsers load it, in a separate realm with the globals of a page, without some of them, or with
 * broken ones. In each case the script loads, `io()` returns a socket, and the client uses the working ones.
 */

/** As much of XMLHttpRequest as polling needs. */
class XhrOfNode {
  readyState = 0;
  status = 0;
  responseText = "";
  onreadystatechange = (): void => {};
  #method = "";
  #url = "";
  #request: ReturnType<typeof request> | undefined;

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(): void {}

  send(body: string | null): void {
    const end = (status: number): void => {
      Object.assign(this, { readyState: 4, status });
      this.onreadystatechange();
    };
    this.#request = request(this.#url, { method: this.#method }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (this.responseText += chunk));
      response.on("end", () => end(response.statusCode as number));
    });
    this.#request.on("error", () => end(0));
    this.#request.end(body ?? undefined);
  }

  abort(): void {
    this.#request?.destroy();
  }
}

/** Globals of a page that a client may read. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  fetch,
  AbortController,
  WebSocket,
  XMLHttpRequest: XhrOfNode,
  location: { protocol: "http:", host: "127.0.0.1", hostname: "127.0.0.1", port: "80" },
  document: { hidden: false },
  navigator: { onLine: true },
  addEventListener: () => {},
  queueMicrotask,
  TextEncoder,
  TextDecoder,
  Blob,
  FileReader: EventTarget,
  localStorage: {},
  performance,
  btoa,
  atob,
  Response,
  URL,
  crypto,
};
const TRANSPORTS = ["fetch", "AbortController", "WebSocket", "XMLHttpRequest"];

/** Defects of a global: the property that replaces it. */
const FAULTS: Readonly<Record<string, PropertyDescriptor>> = {
  "is not there": { value: undefined },
  "is null": { value: null },
  "may not be read": {
    get() {
      throw new Error("SecurityError");
    },
  },
  throws: {
    value: function () {
      throw new Error("blocked");
    },
  },
  "is a mock that does nothing": { value: function () {} },
  "is an empty object": { value: {} },
};

const page = await readFile(new URL("../../../packages/client/dist/socket.io.js", import.meta.url), "utf8");
const script = new Script(page);

/** Loads the client where some globals are faulty. */
function load(faulty: Readonly<Record<string, PropertyDescriptor>>): typeof connect {
  const world = { setTimeout, clearTimeout };
  for (const [name, value] of Object.entries(GLOBALS)) {
    Object.defineProperty(world, name, { configurable: true, enumerable: true, ...(faulty[name] ?? { value }) });
  }
  createContext(world);
  script.runInContext(world);
  return (world as unknown as { io: typeof connect }).io;
}

const OPTIONS = { timeout: 2000, reconnection: false, forceNew: true };
let server: Running;

beforeAll(async () => {
  server = await serve(portage, {});
  server.io.on("connection", (socket: { on(event: string, listener: (...args: unknown[]) => void): void }) =>
    socket.on("echo", (data, ack) => (ack as (data: unknown) => void)(data)),
  );
});
afterAll(() => server.stop());

async function connectAndEcho(io: typeof connect, transports: string[]): Promise<string> {
  const socket = io(server.url, { ...OPTIONS, transports } as object);
  const failed = nextEvent<[Error]>(socket as never, "connect_error").then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  try {
    await Promise.race([nextEvent(socket as never, "connect"), failed]);
    expect(await socket.timeout(10_000).emitWithAck("echo", "text ✓")).toBe("text ✓");
    return socket.io.engine.transport.name;
  } finally {
    socket.disconnect();
  }
}

describe.each(TRANSPORTS)("%s", (name) => {
  test.each(Object.keys(FAULTS))("that %s", async (fault) => {
    const io = load({ [name]: FAULTS[fault] as PropertyDescriptor });
    // a mock that does nothing is a WebSocket that never opens
    const transports = name === "WebSocket" && /mock/.test(fault) ? ["polling"] : ["websocket", "polling"];
    expect(await connectAndEcho(io, transports)).toBe(name === "WebSocket" ? "polling" : "websocket");
    expect(await connectAndEcho(io, ["polling"])).toBe("polling");
  });
});

describe.each(Object.keys(FAULTS))("each other global that %s", (fault) => {
  const others = Object.keys(GLOBALS).filter((name) => !TRANSPORTS.includes(name));
  const faulty = FAULTS[fault] as PropertyDescriptor;

  test.each(others)("%s", (name) => {
    const io = load({ [name]: faulty });
    io(server.url, { forceNew: true }).disconnect();
    if (name !== "location") io({ forceNew: true }).disconnect();
  });

  test("all together", async () => {
    const io = load(Object.fromEntries(others.map((name) => [name, faulty])));
    expect(await connectAndEcho(io, ["polling"])).toBe("polling");
    expect(await connectAndEcho(io, ["websocket"])).toBe("websocket");
  });
});

test.each(Object.keys(FAULTS))("where nothing can make requests (each %s), WebSocket serves", async (fault) => {
  const faulty = { fetch: FAULTS[fault], XMLHttpRequest: FAULTS[fault] } as Record<string, PropertyDescriptor>;
  if (!fault.includes("mock")) {
    expect(await connectAndEcho(load(faulty), ["polling", "websocket"])).toBe("websocket");
  }
});

test("without a working transport, the client emits connect_error, and tries again", async () => {
  const missing = FAULTS["is not there"] as PropertyDescriptor;
  const unreadable = FAULTS["may not be read"] as PropertyDescriptor;
  const others = { navigator: unreadable, document: unreadable, location: unreadable };
  const io = load({ ...Object.fromEntries(TRANSPORTS.map((name) => [name, missing])), ...others });
  const socket = io(server.url, { forceNew: true, reconnectionDelay: 1 });
  try {
    for (let i = 0; i < 2; i++) {
      const [error] = await nextEvent<[Error]>(socket, "connect_error");
      expect(error).toMatchObject({ code: "TRANSPORT_UNAVAILABLE", type: "TransportError" });
    }
    expect(socket.io.diagnosis.attempts?.map(({ transport }) => transport)).toEqual(["polling", "websocket"]);
    expect(socket.io.diagnosis.reconnectAttempts).toBeGreaterThan(0);
  } finally {
    socket.disconnect();
  }
});

test("with useNativeTimers the client does not look at timers and clocks that were put in place later", async () => {
  const world = { ...GLOBALS, setTimeout, clearTimeout, Date: class extends Date {} };
  createContext(world);
  script.runInContext(world);
  const fake = (): never => {
    throw new Error("fake");
  };
  // globals that test frameworks replace
  Object.assign(world, { setTimeout: fake, clearTimeout: fake, setImmediate: fake, queueMicrotask: fake });
  Object.assign(world.Date, { now: () => 1e15 });
  Object.assign(world, { performance: { now: fake } });
  const { io } = world as unknown as { io: typeof connect };
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    const socket = io(server.url, { ...OPTIONS, useNativeTimers: true, requestTimeout: 5000, transports } as object);
    await nextEvent(socket as never, "connect");
    expect(await socket.timeout(10_000).emitWithAck("echo", 1)).toBe(1);
    expect(socket.io.engine.checkAlive()).toBe(true);
    socket.disconnect();
  }
});
