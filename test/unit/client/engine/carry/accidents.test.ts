import { describe, expect, test, vi } from "vitest";
import { Socket } from "../../../../../packages/client/src/engine/socket.ts";
import { type FakeTransport, fakeTransport, made } from "../fake-transport.ts";
import { breakDown, openCarried, prepare, type Stage, useFakeTime } from "./stage.ts";

useFakeTime();

const UNKNOWN_SESSION = '{"code":1,"message":"Session ID unknown"}';

describe("the session survives", () => {
  const ACCIDENTS: [string, (stage: Stage) => void][] = [
    ["a connection that breaks", ({ last }) => last().closes(1006)],
    ["frames that were altered", ({ last }) => last().closes(1002)],
    ["a failed request", ({ last }) => last().refuse(0)],
    ["a proxy without a server", ({ last }) => last().refuse(502, "<html>")],
    ["a request that was refused for its turn", ({ last }) => last().refuse(400, '{"code":3,"message":"Bad request"}')],
    ["a malformed packet", ({ last }) => last().receive("error", "garbage")],
    ["a ping that is overdue", ({ socket }) => socket.fail_("ping timeout")],
    ["the loss of the network", ({ socket }) => socket.onPage_("network connection lost")],
  ];

  test.each(ACCIDENTS)("%s", (_, happen) => {
    const stage = openCarried();
    happen(stage);
    expect([stage.closes, stage.events]).toEqual([[], []]);
    vi.advanceTimersByTime(0);
    stage.last().welcome(0);
    expect(stage.events).toEqual(["websocket to polling"]);
    expect(stage.socket.readyState).toBe("open");
  });
});

describe("the session ends at once after", () => {
  const ENDS: [string, (stage: Stage) => void, string][] = [
    ["a close frame", ({ last }) => last().closes(1000), "transport close"],
    ["a close frame of a server that leaves", ({ last }) => last().closes(1012), "transport close"],
    ["a close frame without a code", ({ last }) => last().closes(1005), "transport close"],
    ["a close packet", ({ last }) => last().receive("close"), "transport close"],
    ["a body that is too large", ({ last }) => last().refuse(413, "", "PAYLOAD_TOO_LARGE"), "transport error"],
    ["an unknown session", ({ last }) => last().refuse(400, UNKNOWN_SESSION), "transport error"],
    ["the freezing of the page", ({ socket }) => socket.onPage_("page frozen"), "transport close"],
    ["close()", ({ socket }) => socket.close(), "forced close"],
  ];

  test.each(ENDS)("%s", (_, happen, reason) => {
    const stage = openCarried();
    happen(stage);
    expect(stage.closes.map(([given]) => given)).toEqual([reason]);
    expect([made.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test("an accident, if the option is false", () => {
    const stage = openCarried(undefined, { carry: false });
    expect(stage.last().query).not.toHaveProperty("turn");
    breakDown(stage);
    expect(stage.closes).toHaveLength(1);
  });
});

test("a user who leaves the page takes the connection along without an event", () => {
  const stage = openCarried(undefined, { closeOnBeforeunload: true });
  stage.socket.onPage_("leave");
  expect(stage.last().calls).toEqual(["open", "close"]);
  vi.advanceTimersByTime(60_000);
  expect([stage.closes, made.length]).toEqual([[], 1]);
});

test("a network that is lost again during a return does not disturb it", () => {
  const stage = openCarried();
  stage.socket.onPage_("network connection lost");
  stage.socket.onPage_("network connection lost");
  vi.advanceTimersByTime(0);
  stage.socket.onPage_("network connection lost");
  stage.socket.onPage_("wake");
  stage.last().welcome(0);
  expect([made.length, stage.events]).toEqual([2, ["websocket to polling"]]);
});

describe("what was left", () => {
  test("does not say goodbye before the return, and is closed after it", () => {
    const stage = openCarried();
    const left = made[0]!;
    stage.socket.fail_("ping timeout");
    vi.advanceTimersByTime(0);
    expect([left.calls, left.written]).toEqual([["open"], []]);
    stage.last().welcome(0);
    expect(left.calls).toEqual(["open", "close"]);
  });

  test("is not heard any more", () => {
    const stage = openCarried();
    const left = made[0]!;
    stage.socket.fail_("ping timeout");
    left.receive("message", "late");
    left.closes(1000);
    vi.advanceTimersByTime(0);
    stage.last().welcome(0);
    expect([stage.messages, stage.closes]).toEqual([[], []]);
  });

  test("is closed when the session ends without a return", () => {
    const stage = openCarried();
    stage.socket.fail_("ping timeout");
    vi.advanceTimersByTime(0);
    stage.last().refuse(400);
    expect(made[0]!.calls).toEqual(["open", "close"]);
  });
});

describe("a server that does not agree", () => {
  test("sees one parameter in the handshake, and nothing else", () => {
    const stage = prepare(["websocket"]);
    expect(stage.last().query).toEqual({ EIO: 4, transport: "websocket", carry: 1 });
    stage.last().shakeHands({ upgrades: [] });
    expect(stage.last().query).toEqual({ EIO: 4, transport: "websocket", sid: "session" });
    stage.last().receive("message", "a");
    stage.last().receive("ping");
    expect(stage.last().written).toEqual(["pong"]);
    breakDown(stage);
    expect(stage.closes).toHaveLength(1);
  });
});

describe("parameters of the program with the names of a carry", () => {
  test.each(["carry", "key", "turn"])("%s stays as it is, and the session is not carried", (name) => {
    const stage = prepare(["polling"], { query: { [name]: "mine" } });
    const own = { EIO: 4, transport: "polling", [name]: "mine" };
    expect(stage.last().query).toEqual(own);
    stage.last().shakeHands({ upgrades: [] });
    expect(stage.last().query).toEqual({ ...own, sid: "session" });
  });
});

test("a message that is sent before the handshake leaves once", () => {
  made.length = 0;
  const socket = new Socket("http://early.example", { transportImplementations: [fakeTransport("websocket")] });
  const [transport] = made as [FakeTransport];
  transport.opens();
  socket.send("early");
  transport.drain();
  transport.receive("open", JSON.stringify({ sid: "s", upgrades: [], pingInterval: 1000, pingTimeout: 500 }));
  expect(transport.written).toEqual(["message early"]);
  socket.close();
});
