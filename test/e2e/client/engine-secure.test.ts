import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Socket, type SocketOptions, type TransportError } from "@portage/client/engine";
import type { Socket as Session } from "engine.io";
import { afterEach, describe, expect, test } from "vitest";
import { TEST_CERTIFICATE, TEST_KEY } from "../../support/servers/certificate.ts";
import { portage, reference } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop()) await cleanup();
});

const IDENTITY = { key: TEST_KEY, cert: TEST_CERTIFICATE };
const MUTUAL = { ...IDENTITY, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true };

async function start(target: typeof portage): Promise<string> {
  const https = createServer(MUTUAL);
  const engine = new target.engine.Server();
  engine.attach(https);
  engine.on("connection", (session: Session) => session.on("message", (data) => session.send(data)));
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    engine.close();
    https.closeAllConnections();
    https.close();
  });
  return `https://localhost:${(https.address() as AddressInfo).port}`;
}

function open(url: string, options: SocketOptions): Socket {
  const socket = new Socket(url, options);
  cleanups.push(() => socket.close());
  return socket;
}

describe.each([portage, reference])("certificates of both sides, on $name", (target) => {
  test.each([["polling"], ["websocket"], ["polling", "websocket"]])(
    "a client that has one (%s %s)",
    async (...names) => {
      const transports = names.filter((name) => name !== undefined);
      const socket = open(await start(target), { ...IDENTITY, ca: TEST_CERTIFICATE, transports });
      await nextEvent(socket, transports.length > 1 ? "upgrade" : "open");
      socket.send("hello");
      expect(await nextEvent(socket, "message")).toEqual(["hello"]);
    },
  );

  test.each([["polling"], ["websocket"]])("a client without one is turned away (%s)", async (name) => {
    const socket = open(await start(target), { ca: TEST_CERTIFICATE, transports: [name] });
    const [reason, error] = await nextEvent<[string, TransportError]>(socket, "close");
    expect([reason, error.type]).toEqual(["transport error", "TransportError"]);
  });

  test.each([["polling"], ["websocket"]])(
    "the client refuses a server with an untrusted certificate (%s)",
    async (name) => {
      const url = await start(target);
      const [reason] = await nextEvent(open(url, { ...IDENTITY, transports: [name] }), "close");
      expect(reason).toBe("transport error");
      const trusting = open(url, { ...IDENTITY, transports: [name], rejectUnauthorized: false });
      await nextEvent(trusting, "open");
    },
  );
});
