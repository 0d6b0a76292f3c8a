import type { IncomingMessage } from "node:http";
import { afterEach, beforeAll, beforeEach, describe, test } from "vitest";
import { frame, OPCODE } from "../../support/raw/frames.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawWebSocket, upgradeRequest } from "../../support/raw/websocket.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";
import { badInputServer, joinWebSocket } from "./server.ts";

type AllowRequest = (error: string | null, isAllowed: boolean) => void;

/** Requests with this header are delayed until the test releases them. */
const HELD = "x-hold";
const held: { name: string; release: () => void }[] = [];
let onHeld: () => void = () => undefined;

function hold(name: string, req: IncomingMessage, proceed: () => void): void {
  if (req.headers[HELD] !== name) return proceed();
  held.push({ name, release: proceed });
  onHeld();
}

const server = badInputServer({
  allowRequest: (req: IncomingMessage, answer: AllowRequest) => hold("allowRequest", req, () => answer(null, true)),
});

beforeAll(() => {
  const { engine } = server.running.io;
  engine.use((req: IncomingMessage, _res: unknown, next: () => void) => hold("middleware", req, next));
  const generateId = engine.generateId.bind(engine);
  engine.generateId = (req: IncomingMessage) =>
    new Promise((resolve) => hold("generateId", req, () => resolve(generateId(req))));
});

/** Sessions at the start of a test. */
let sessions = 0;

beforeEach(() => {
  sessions = server.running.io.engine.clientsCount;
});

afterEach(() => {
  held.length = 0;
});

/** Waits until the server has delayed a request, and returns a function that releases it. */
async function nextHeld(): Promise<() => void> {
  if (held.length === 0) await within(new Promise<void>((resolve) => (onHeld = resolve)), "a request to be held");
  return (held.pop() as { release: () => void }).release;
}

/** The two ways to end a connection without a word. */
const ENDS: Record<string, (tcp: { reset(): void; end(): void }) => void> = {
  reset: (tcp) => tcp.reset(),
  end: (tcp) => tcp.end(),
};

const asTcp = (client: RawWebSocket): { reset(): void; end(): void } => ({
  reset: () => client.reset(),
  end: () => client.cut(),
});

/** A test must leave no session behind. */
async function sessionsGone(): Promise<void> {
  const { engine } = server.running.io;
  const gone = async (): Promise<void> => {
    while (engine.clientsCount > sessions) await turn();
  };
  await within(gone(), () => `${engine.clientsCount} sessions to become ${sessions}`);
}

/** A connection that the server has accepted: an end before that would never reach it. */
async function openTcp(): Promise<RawTcp> {
  const tcp = await RawTcp.open(server.running.port);
  await server.running.host.accepted(tcp.localPort);
  return tcp;
}

/** Ends a connection, and waits for the close on both sides. */
async function endBoth(tcp: RawTcp, end: (tcp: RawTcp) => void): Promise<void> {
  end(tcp);
  await tcp.ended();
  await server.running.host.ended(tcp.localPort);
}

/**
 * Ends a connection while the application delays its request. A reset is detected at once; the end of an unread stream
 * only when the request goes on.
 */
async function endWhileHeld(tcp: RawTcp, end: (tcp: RawTcp) => void, release: () => void): Promise<void> {
  end(tcp);
  await tcp.ended();
  if (end === ENDS.reset) await server.running.host.ended(tcp.localPort);
  release();
  await server.running.host.ended(tcp.localPort);
}

const upgradeOf = (path: string, headers: Record<string, string> = {}): string =>
  upgradeRequest({ port: server.running.port, path, headers });

describe.each(Object.entries(ENDS))("a connection that ends with %s", (_name, end) => {
  const GET = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n";
  const POST = "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4ab";
  const pieces: [string, () => string | Buffer][] = [
    ["before a byte", () => ""],
    ["in the request line", () => GET.slice(0, 20)],
    ["in the headers", () => GET],
    ["after a handshake", () => `${GET}\r\n`],
    ["in the body of a handshake that is refused", () => POST],
    ["in the headers of an upgrade", () => upgradeOf("/socket.io/").slice(0, -10)],
    ["after the request of an upgrade", () => upgradeOf("/socket.io/")],
    [
      "in the first frame behind such a request",
      () => Buffer.concat([Buffer.from(upgradeOf("/socket.io/")), Buffer.from([0x81])]),
    ],
    ["after the upgrade of a path that is not ours", () => upgradeOf("/elsewhere/")],
    [
      "after an upgrade that is refused",
      () => upgradeOf("/socket.io/").replace("transport=websocket", "transport=pigeon"),
    ],
    [
      "after an upgrade of an unknown session",
      () => upgradeOf("/socket.io/").replace("transport=", "sid=x&transport="),
    ],
  ];
  test.each(pieces)("%s", async (_moment, bytes) => {
    const tcp = await openTcp();
    await tcp.write(bytes());
    await endBoth(tcp, end);
  });

  test.each([0, 1, 2, 3])("with a session over polling, moment %i", async (moment) => {
    const { port } = server.running;
    const client = await RawPolling.open({ port });
    const tcp = await openTcp();
    const length = "Content-Length: 100\r\n";
    const requests = [
      `GET ${client.path} HTTP/1.1\r\nHost: a\r\n\r\n`,
      `POST ${client.path} HTTP/1.1\r\nHost: a\r\n${length}`,
      `POST ${client.path} HTTP/1.1\r\nHost: a\r\n${length}\r\n`,
      `POST ${client.path} HTTP/1.1\r\nHost: a\r\n${length}\r\n42["half`,
    ];
    await tcp.write(requests[moment] as string);
    await endBoth(tcp, end);
    // A request under way ends its session; a request that never arrived does not.
    await client.post("1");
    await sessionsGone();
  });

  test.each(["before the first packet", "inside a frame", "with a message under way", "after leaving"])(
    "over WebSocket, %s",
    async (moment) => {
      const client =
        moment === "before the first packet"
          ? await RawWebSocket.connect({ port: server.running.port })
          : await joinWebSocket(server);
      if (moment === "inside a frame")
        client.sendBytes(frame({ opcode: OPCODE.text, payload: "42[1]" }).subarray(0, 5));
      if (moment === "with a message under way")
        client.sendFrame({ opcode: OPCODE.text, fin: false, payload: '42["half' });
      if (moment === "after leaving") client.send("41");
      end(asTcp(client));
      await client.ended();
      await sessionsGone();
    },
  );

  test.each(["connected", "probing", "probed", "committing"])("during an upgrade, %s", async (moment) => {
    const { port, io } = server.running;
    const session = nextEvent<[{ once(event: string, listener: () => void): void }]>(io.engine, "connection");
    const client = await RawPolling.open({ port });
    const [opened] = await session;
    const closed = new Promise<void>((resolve) => opened.once("close", resolve));
    const websocket = await RawWebSocket.connect({ port, sid: client.sid });
    if (moment !== "connected") websocket.send("2probe");
    if (moment === "probed" || moment === "committing") await websocket.until((packet) => packet === "3probe");
    if (moment === "committing") websocket.send("5");
    end(asTcp(websocket));
    await websocket.ended();
    if (moment === "committing") {
      // Whether the server got the packet before the end or not, the session must be over or still work over polling.
      const answer = await client.post("40").catch(() => ({ status: 400 }));
      if (answer.status === 400) await within(closed, "the session to close");
      else await client.post("1");
    } else {
      await client.post("40");
      await client.until((packet) => packet.startsWith("40"));
      await client.post("1");
    }
    await sessionsGone();
  });

  test.each(["polling", "websocket"])("while allowRequest takes its time, over %s", async (transport) => {
    const tcp = await openTcp();
    const request =
      transport === "polling"
        ? `${GET}${HELD}: allowRequest\r\n\r\n`
        : upgradeOf("/socket.io/", { [HELD]: "allowRequest" });
    await tcp.write(request);
    const release = await nextHeld();
    await endWhileHeld(tcp, end, release);
    await server.bystander.check();
    if (transport === "websocket") await sessionsGone();
  });

  test.each(["middleware", "generateId"])("while %s takes its time", async (where) => {
    const tcp = await openTcp();
    await tcp.write(upgradeOf("/socket.io/", { [HELD]: where }));
    const release = await nextHeld();
    await endWhileHeld(tcp, end, release);
    await server.bystander.check();
    await sessionsGone();
  });
});
