import type { Socket as Session } from "engine.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveEngine, type RunningEngine } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawWebSocket } from "../../support/raw/websocket.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

let server: RunningEngine;

beforeAll(async () => {
  server = await serveEngine(subject);
});
afterAll(() => server.stop());

/** A session on polling that records its messages. */
interface Opened {
  readonly polling: RawPolling;
  readonly session: Session;
  readonly received: string[];
  readonly closed: Promise<string>;
}

async function open(): Promise<Opened> {
  const connection = nextEvent<[Session]>(server.engine, "connection");
  const polling = await RawPolling.open({ port: server.port, path: "/engine.io/" });
  const [session] = await connection;
  const received: string[] = [];
  session.on("message", (message: string) => received.push(message));
  const closed = new Promise<string>((resolve) => session.once("close", resolve));
  return { polling, session, received, closed };
}

const candidateOf = ({ polling }: Opened): Promise<RawWebSocket> =>
  RawWebSocket.connect({ port: server.port, path: "/engine.io/", sid: polling.sid });

async function probe(websocket: RawWebSocket): Promise<void> {
  websocket.send("2probe");
  await websocket.until((packet) => packet === "3probe");
}

async function commit({ session }: Opened, websocket: RawWebSocket): Promise<void> {
  const upgraded = nextEvent(session, "upgrade");
  websocket.send("5");
  await upgraded;
}

/** Waits until the server has got a message. */
async function seen({ received, session }: Opened, message: string): Promise<void> {
  while (!received.includes(message)) await nextEvent(session, "message");
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_value, index) => String(index));

/** The first half of a POST, and the way to send the other. */
async function halfPost(
  { polling }: Opened,
  messages: readonly string[],
): Promise<{ tcp: RawTcp; finish(): Promise<void> }> {
  const body = messages.map((message) => `4${message}`).join("\u001e");
  const tcp = await RawTcp.open(server.port);
  const arrived = nextEvent(server.host.http, "request");
  const head = `POST ${polling.path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  await tcp.write(head + body.slice(0, 3));
  await arrived;
  return { tcp, finish: () => tcp.write(body.slice(3)) };
}

test("while probed, each poll is answered at once, so that the client can stop polling", async () => {
  const opened = await open();
  const websocket = await candidateOf(opened);
  await probe(websocket);
  const polls = async (): Promise<void> => {
    for (let count = 0; count < 50; count++) expect(await opened.polling.poll()).toEqual(["6"]);
  };
  // A timer of 100 ms, as the reference has, would take five seconds.
  await within(polls(), "50 polls to be answered", 4500);
  await commit(opened, websocket);
  await websocket.close();
});

describe("a POST under way", () => {
  test.each(["candidate", "probed"] as const)("begun before the candidate, finished when %s", async (moment) => {
    const opened = await open();
    const post = await halfPost(opened, numbers(10));
    const websocket = await candidateOf(opened);
    if (moment === "probed") await probe(websocket);
    await post.finish();
    expect(await post.tcp.ended()).toMatch(/^HTTP\/1\.1 200 /);
    if (moment === "candidate") await probe(websocket);
    await commit(opened, websocket);
    const last = nextEvent(opened.session, "message");
    websocket.send("410");
    await last;
    expect(opened.received).toEqual(numbers(11));
    await websocket.close();
  });

  test("finished after the commit: its packets come first", async () => {
    const opened = await open();
    const websocket = await candidateOf(opened);
    await probe(websocket);
    const post = await halfPost(opened, ["posted"]);
    await commit(opened, websocket);
    websocket.send("4pushed");
    await post.finish();
    await post.tcp.ended();
    await seen(opened, "pushed");
    opened.session.send("still here");
    await websocket.until((packet) => packet === "4still here");
    expect(opened.received).toEqual(["posted", "pushed"]);
    await websocket.close();
  });

  test("lost after the commit: the session goes on, or ends, but does not hang", async () => {
    const opened = await open();
    const websocket = await candidateOf(opened);
    await probe(websocket);
    const post = await halfPost(opened, ["posted"]);
    await commit(opened, websocket);
    websocket.send("4pushed");
    post.tcp.reset();
    await Promise.race([seen(opened, "pushed"), opened.closed]);
    websocket.cut();
    await within(opened.closed, "the session to close");
  });
});

const COUNT = 50;

function sendAll(session: Session): void {
  for (const number of numbers(COUNT)) session.send(number);
}

/** Reads over polling up to the packet that closes the session. */
async function readPolls(polling: RawPolling): Promise<string[]> {
  const packets: string[] = [];
  for (let packet = await polling.next(); packet !== "1"; packet = await polling.next()) packets.push(packet);
  return packets.filter((packet) => packet !== "6").map((packet) => packet.slice(1));
}

describe("the server sends and closes", () => {
  test.each(["opened", "candidate", "probed"] as const)(
    "when %s: everything arrives over polling, then the end",
    async (moment) => {
      const opened = await open();
      const websocket = moment === "opened" ? undefined : await candidateOf(opened);
      if (websocket && moment === "probed") await probe(websocket);
      sendAll(opened.session);
      opened.session.close();
      expect(await readPolls(opened.polling)).toEqual(numbers(COUNT));
      expect(await within(opened.closed, "the session to close")).toBe("forced close");
      await websocket?.ended();
    },
  );

  test.each(["before the commit", "at the commit", "after the commit"] as const)(
    "%s: everything arrives over WebSocket, then the end",
    async (moment) => {
      const opened = await open();
      const websocket = await candidateOf(opened);
      await probe(websocket);
      if (moment === "at the commit") websocket.send("5");
      if (moment === "after the commit") await commit(opened, websocket);
      sendAll(opened.session);
      opened.session.close();
      if (moment === "before the commit") websocket.send("5");
      for (const number of numbers(COUNT)) expect(await websocket.next()).toBe(`4${number}`);
      await websocket.ended();
      expect(await within(opened.closed, "the session to close")).toBe("forced close");
    },
  );

  test("with a poll waiting at the commit: nothing is sent twice", async () => {
    const opened = await open();
    const websocket = await candidateOf(opened);
    await probe(websocket);
    websocket.send("5");
    const poll = opened.polling.beginPoll();
    sendAll(opened.session);
    const polled = await poll.packets.catch(() => []);
    opened.session.close();
    await websocket.ended();
    const pushed = websocket.frames.filter((frame) => frame.opcode === 1).map((frame) => frame.payload.toString());
    const all = [...polled, ...pushed].filter((packet) => packet.startsWith("4")).map((packet) => packet.slice(1));
    expect(all).toEqual(numbers(COUNT));
  });
});

describe("the client closes over polling", () => {
  test.each(["opened", "candidate", "probed"] as const)("when %s", async (moment) => {
    const opened = await open();
    const websocket = moment === "opened" ? undefined : await candidateOf(opened);
    if (websocket && moment === "probed") await probe(websocket);
    await opened.polling.post("4last", "1");
    expect(await within(opened.closed, "the session to close")).toBe("transport close");
    expect(opened.received).toEqual(["last"]);
    await websocket?.ended();
  });
});
