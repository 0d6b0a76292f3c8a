import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Socket } from "../../../../../packages/client/src/engine/socket.ts";
import type { TransportError } from "../../../../../packages/client/src/engine/transports/transport.ts";
import { Fetch, BrowserPolling } from "../../../../../packages/client/src/engine/transports/fetch.ts";
import { XHR } from "../../../../../packages/client/src/engine/transports/xhr.ts";

/** One request under way; the test answers it. */
interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly body: string | null;
  readonly init: RequestInit;
  aborted: boolean;
  answer(status: number, text: string): Promise<void>;
  fail(error: Error): Promise<void>;
}

let exchanges: Exchange[];

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function fakeFetch(url: string, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const exchange: Exchange = {
      method: init.method!,
      url: new URL(url),
      body: init.body as string | null,
      init: { ...init, headers: Object.fromEntries(new Request(url, init).headers) },
      aborted: false,
      answer: (status, text) => {
        resolve(new Response(text, { status }));
        return settle();
      },
      fail: (error) => {
        reject(error);
        return settle();
      },
    };
    init.signal!.addEventListener("abort", () => {
      exchange.aborted = true;
      reject(init.signal!.reason as Error);
    });
    exchanges.push(exchange);
  });
}

/** The same requests by XMLHttpRequest. */
class FakeXhr {
  readyState = 0;
  status = 0;
  responseText = "";
  withCredentials = false;
  readonly headers: Record<string, string> = {};
  onreadystatechange = (): void => {};
  #open: [string, string] = ["", ""];
  #exchange: Exchange | undefined;

  open(method: string, url: string): void {
    this.#open = [method, url];
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name.toLowerCase()] = value;
  }

  send(body: string | null): void {
    const [method, url] = this.#open;
    const end = (status: number, text: string): Promise<void> => {
      Object.assign(this, { readyState: 4, status, responseText: text });
      this.onreadystatechange();
      return settle();
    };
    const credentials = this.withCredentials ? "include" : "same-origin";
    this.#exchange = {
      method,
      url: new URL(url),
      body,
      init: { headers: this.headers, credentials },
      aborted: false,
      answer: end,
      fail: () => end(0, ""),
    };
    exchanges.push(this.#exchange);
  }

  abort(): void {
    if (this.readyState === 4) return;
    this.#exchange!.aborted = true;
    Object.assign(this, { readyState: 4, status: 0 });
    this.onreadystatechange();
  }
}

const HANDSHAKE = '0{"sid":"abc","upgrades":[],"pingInterval":1000,"pingTimeout":500}';
let events: string[];

beforeEach(() => {
  exchanges = [];
  events = [];
  vi.stubGlobal("fetch", fakeFetch);
  vi.stubGlobal("XMLHttpRequest", FakeXhr);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

type Polling = XHR | Fetch;

function make(Class: new (options: object) => Polling, options: object = {}): Polling {
  const transport = new Class({
    hostname: "example.org",
    port: "443",
    secure: true,
    path: "/engine.io/",
    timestampParam: "t",
    query: { EIO: 4, transport: "polling" },
    socket: { binaryType: "arraybuffer" } as Socket,
    ...options,
  });
  transport.on("open", () => events.push("open"));
  transport.on("packet", ({ type, data }) =>
    events.push("packet " + type + (type === "message" ? " " + String(data) : "")),
  );
  transport.on("drain", () => events.push("drain"));
  transport.on("close", (details) => events.push("close " + details?.description));
  transport.on("error", (error: TransportError) =>
    events.push("error " + error.message + " " + String(error.description)),
  );
  return transport.open();
}

async function opened(Class: new (options: object) => Polling, options: object = {}): Promise<Polling> {
  const transport = make(Class, options);
  await exchanges[0]!.answer(200, HANDSHAKE);
  transport.query["sid"] = "abc";
  events.length = 0;
  return transport;
}

const polls = (): Exchange[] => exchanges.filter(({ method }) => method === "GET");
const posts = (): Exchange[] => exchanges.filter(({ method }) => method === "POST");
const message = (data: string) => ({ type: "message", data }) as const;

describe.each([
  ["the default", BrowserPolling],
  ["Fetch", Fetch],
  ["XHR", XHR],
] as const)("polling by %s", (name, Class) => {
  const [readError, writeError] =
    name === "Fetch" ? ["fetch read error", "fetch write error"] : ["xhr poll error", "xhr post error"];

  test("opens with the first packet and polls on", async () => {
    make(Class);
    expect(events).toEqual([]);
    expect(exchanges.map(({ url }) => url.href.replace(/&t=[^&]+/, "&t=*"))).toEqual([
      "https://example.org/engine.io/?EIO=4&transport=polling&t=*&reasons=1",
    ]);
    await exchanges[0]!.answer(200, HANDSHAKE + "\x1e4hello");
    expect(events).toEqual(["open", "packet open", "packet message hello"]);
    expect(polls().length).toBe(2);
  });

  test("sends packets in one body, one request at a time", async () => {
    const transport = await opened(Class);
    transport.send([message("a"), { type: "pong" }]);
    expect(transport.writable).toBe(false);
    expect(posts()[0]!.body).toBe("4a\x1e3");
    const headers = Object.entries(posts()[0]!.init.headers!).map(
      ([key, value]) => key.toLowerCase() + ": " + String(value),
    );
    expect(headers).toContain("content-type: text/plain;charset=UTF-8");
    await posts()[0]!.answer(200, "ok");
    expect(events).toEqual(["drain"]);
    expect(transport.writable).toBe(true);
  });

  test("an error status is an error, with the server's answer", async () => {
    const transport = await opened(Class);
    let error: TransportError | undefined;
    transport.on("error", (thrown) => (error = thrown));
    await polls()[1]!.answer(400, '{"code":1,"message":"Session ID unknown"}');
    expect(events).toEqual([`error ${readError} 400`]);
    expect(error!.context).toMatchObject({
      readyState: 4,
      status: 400,
      responseText: '{"code":1,"message":"Session ID unknown"}',
    });
  });

  test.each([
    [400, "no"],
    [401, "no"],
    [403, "no"],
    [503, "later"],
    [404, "yes"],
    [502, "yes"],
  ])(
    "a handshake refused with %d says whether to connect again, a request of a session does not",
    async (status, retry) => {
      const learned: unknown[] = [];
      const learn = ({ retry }: TransportError) => learned.push(retry);
      make(Class).on("error", learn);
      await exchanges[0]!.answer(status, "");
      exchanges = [];
      (await opened(Class)).on("error", learn);
      await polls()[1]!.answer(status, "");
      expect(learned).toEqual([retry, "yes"]);
    },
  );

  test("a network failure of a POST is an error", async () => {
    const transport = await opened(Class);
    transport.send([message("a")]);
    let error: TransportError | undefined;
    transport.on("error", (thrown) => (error = thrown));
    await posts()[0]!.fail(new TypeError("no network"));
    expect(events).toEqual([`error ${writeError} 0`]);
    expect(error!.context).toMatchObject({ readyState: 4, status: 0, responseText: "" });
  });

  test("pausing waits for the poll and the POST that are under way", async () => {
    const transport = await opened(Class);
    transport.send([message("a")]);
    transport.pause(() => events.push("paused"));
    await posts()[0]!.answer(200, "ok");
    expect(events).toEqual(["drain"]);
    await polls()[1]!.answer(200, "4last\x1e6");
    expect(events).toEqual(["drain", "packet message last", "packet noop", "paused"]);
    expect(polls().length).toBe(2);
    transport.resume();
    expect(polls().length).toBe(3);
  });

  test("resuming before it paused goes on with the poll under way", async () => {
    const transport = await opened(Class);
    transport.pause(() => events.push("paused"));
    transport.resume();
    expect(polls().length).toBe(2);
    await polls()[1]!.answer(200, "6");
    expect(events).toEqual(["packet noop"]);
    expect(polls().length).toBe(3);
  });

  test("closing sends a close packet and aborts the poll", async () => {
    const transport = await opened(Class);
    transport.close();
    expect(events).toEqual(["close undefined"]);
    expect(posts()[0]!.body).toBe("1");
    await posts()[0]!.answer(200, "ok");
    expect(polls()[1]!.aborted).toBe(true);
    expect(events.length).toBe(1);
  });

  test("closing during a POST sends the close packet after it", async () => {
    const transport = await opened(Class);
    transport.send([message("a")]);
    transport.close();
    expect(posts().length).toBe(1);
    await posts()[0]!.answer(200, "ok");
    expect(posts()[1]!.body).toBe("1");
  });

  test("closing while opening closes the session as soon as it is there", async () => {
    const transport = make(Class);
    transport.close();
    expect(posts().length).toBe(0);
    await exchanges[0]!.answer(200, HANDSHAKE);
    expect(posts()[0]!.body).toBe("1");
    expect(posts()[0]!.url.searchParams.get("sid")).toBe("abc");
    expect(events).toEqual(["close undefined"]);
    expect(polls().length).toBe(1);
  });

  test.each(["<html>sign in first</html>", "", "okay", "not ok"])(
    "a POST answered with %j has failed",
    async (text) => {
      const transport = await opened(Class);
      transport.send([message("a")]);
      await posts()[0]!.answer(200, text);
      expect(events).toEqual(["error " + writeError + " 200"]);
    },
  );

  test.each(["ok", "OK", "ok\n"])("a POST answered with %j was delivered", async (text) => {
    const transport = await opened(Class);
    transport.send([message("a")]);
    await posts()[0]!.answer(200, text);
    expect(events).toEqual(["drain"]);
  });

  test("the server's close packet closes", async () => {
    await opened(Class);
    await polls()[1]!.answer(200, "4last\x1e1\x1e4too late");
    expect(events).toEqual(["packet message last", "close transport closed by the server"]);
    expect(polls().length).toBe(2);
  });

  test("a close packet of Portage has a code and a reason, as a close frame has", async () => {
    const transport = await opened(Class);
    const closed = new Promise((resolve) => transport.once("close", resolve));
    await polls()[1]!.answer(200, "11012 SERVER_DRAINING retry-after=5000");
    expect(await closed).toEqual({
      description: "transport closed by the server",
      context: { code: 1012, reason: "SERVER_DRAINING retry-after=5000" },
      code: "SERVER_DRAINING",
      retry: "later",
    });
  });

  test.each(["1", "1bye", "1012", "11012", "1 1012 x", "112345 x"])(
    "a close packet that says no more than that the server has closed: %s",
    async (packet) => {
      const transport = await opened(Class);
      const closed = new Promise((resolve) => transport.once("close", resolve));
      await polls()[1]!.answer(200, packet);
      expect(await closed).toEqual({
        description: "transport closed by the server",
        context: undefined,
        code: "SERVER_CLOSED",
        retry: "yes",
      });
    },
  );

  test("requestTimeout ends a request that takes too long", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    make(Class, { requestTimeout: 100 });
    vi.advanceTimersByTime(99);
    expect(exchanges[0]!.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    await settle();
    expect(exchanges[0]!.aborted).toBe(true);
    expect(events[0]).toContain("error " + readError);
  });

  test("an unanswered close packet is given up after 10 s", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const transport = await opened(Class);
    transport.close();
    vi.advanceTimersByTime(10_000);
    await settle();
    expect([polls()[1]!.aborted, posts()[0]!.aborted]).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a body refused for its size is sent in smaller ones, each packet once, in order", async () => {
    const transport = await opened(Class);
    transport.send(["a", "b", "c", "d", "e"].map(message));
    await posts()[0]!.answer(413, "");
    expect(posts()[1]!.body).toBe("4a\x1e4b");
    await posts()[1]!.answer(200, "ok");
    expect(posts()[2]!.body).toBe("4c\x1e4d");
    await posts()[2]!.answer(413, "");
    for (const i of [3, 4, 5]) await posts()[i]!.answer(200, "ok");
    expect(
      posts()
        .slice(3)
        .map(({ body }) => body),
    ).toEqual(["4c", "4d", "4e"]);
    expect(events).toEqual(["drain"]);
    transport.send([message("f")]);
    await posts()[6]!.answer(413, "");
    expect(events).toEqual(["drain", `error ${writeError} 413`]);
  });

  test("cookies go to other origins only when that is wanted; headers are added", () => {
    make(Class, { extraHeaders: { "X-Custom": "yes" } });
    make(Class, { withCredentials: true });
    expect(exchanges.map(({ init }) => init.credentials)).toEqual(["same-origin", "include"]);
    const names = Object.entries(exchanges[0]!.init.headers!).map(
      ([key, value]) => key.toLowerCase() + ": " + String(value),
    );
    expect(names).toEqual(["x-custom: yes"]);
  });
});

test("the handshake announces the client's features, once", async () => {
  const transport = make(BrowserPolling, { forceBase64: true, timestampRequests: false, timestampParam: "x" });
  expect(exchanges[0]!.url.search).toBe("?EIO=4&transport=polling&reasons=1&b64=1");
  await exchanges[0]!.answer(200, HANDSHAKE);
  transport.query["sid"] = "abc";
  await polls()[1]!.answer(200, "6");
  expect(polls()[2]!.url.search).toBe("?EIO=4&transport=polling&sid=abc");
});

test("a listener that throws does not end the polling", async () => {
  const transport = await opened(BrowserPolling);
  const uncaught: unknown[] = [];
  process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error));
  transport.once("packet", () => {
    throw new Error("of the application");
  });
  await polls()[1]!.answer(200, "4a");
  process.setUncaughtExceptionCaptureCallback(null);
  expect(uncaught).toMatchObject([{ message: "of the application" }]);
  expect(polls().length).toBe(3);
});
