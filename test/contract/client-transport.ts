import { Socket, type SocketOptions, type TransportCtor } from "@portage/client/engine";
import type { Socket as Session } from "engine.io";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveEngine, type RunningEngine } from "../support/servers/host.ts";
import type { Target } from "../support/targets.ts";
import { nextEvent, turn, within } from "../support/waiting.ts";

/** Tests of every transport of the engine client, with every server. */
export function describeTransport(name: string, Transport: TransportCtor, target: Target): void {
  describe(`${name} with ${target.name}`, () => {
    let server: RunningEngine;
    let session: Promise<Session>;
    const sockets: Socket[] = [];

    const open = (options: SocketOptions = {}): Socket => {
      const socket = new Socket(`http://127.0.0.1:${server.port}`, {
        transportImplementations: [Transport],
        ...options,
      });
      sockets.push(socket);
      return socket;
    };

    beforeEach(async () => {
      server = await serveEngine(target, { pingInterval: 150 });
      session = nextEvent<[Session]>(server.engine, "connection").then(([opened]) => opened);
      session.catch(() => {});
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.close();
      await server.stop();
    });

    test("emits the handshake, then opens", async () => {
      const socket = open();
      const seen: string[] = [];
      for (const event of ["handshake", "open"] as const) socket.on(event, () => seen.push(event));
      const [data] = await nextEvent<[{ sid: string }]>(socket, "handshake");
      expect(seen).toEqual(["handshake", "open"]);
      expect(socket.id).toBe(data.sid);
      expect(socket.transport.query["sid"]).toBe(data.sid);
    });

    test("carries text and bytes both ways, in order", async () => {
      const socket = open();
      (await session).on("message", (data) => void session.then((peer) => peer.send(data)));
      const sent = ["a", "ä€😀", "1", Buffer.from([0, 255]), "x".repeat(70_000), Buffer.alloc(70_000, 1)];
      for (const message of sent) socket.send(message);
      const got: unknown[] = [];
      socket.on("message", (data) => got.push(data));
      await until(() => got.length === sent.length, "all messages");
      expect(got).toEqual(sent);
    });

    test("has nothing left in the write buffer once it has drained", async () => {
      const socket = open();
      socket.send("a").send("b");
      await nextEvent(socket, "drain");
      expect(socket.writeBuffer).toEqual([]);
      expect(socket.transport.writable).toBe(true);
    });

    test("ends on both sides when the client closes", async () => {
      const socket = open();
      await nextEvent(socket, "open");
      const atServer = nextEvent<[string]>(await session, "close");
      socket.close();
      expect(socket.readyState).toBe("closed");
      expect(await atServer).toContain("transport close");
      expect(server.engine.clientsCount).toBe(0);
    });

    test("ends on both sides when the server closes", async () => {
      const socket = open();
      await nextEvent(socket, "open");
      const closed = nextEvent<[string]>(socket, "close");
      (await session).close();
      expect((await closed)[0]).toBe("transport close");
      await until(() => server.engine.clientsCount === 0, "no session");
    });

    test("gives bytes in the form that is asked for", async () => {
      const socket = open();
      await nextEvent(socket, "open");
      for (const [type, isRight] of [
        ["nodebuffer", (data: unknown) => Buffer.isBuffer(data)],
        ["arraybuffer", (data: unknown) => data instanceof ArrayBuffer],
        ["blob", (data: unknown) => data instanceof Blob],
      ] as const) {
        socket.binaryType = type;
        (await session).send(Buffer.from([1, 2, 3]));
        const [data] = await nextEvent(socket, "message");
        expect(isRight(data), type).toBe(true);
      }
    });

    test("answers pings", async () => {
      const socket = open();
      await nextEvent(socket, "open");
      const peer = await session;
      const pong = new Promise<void>((resolve) => {
        peer.on("packet", ({ type }: { type: string }) => type === "pong" && resolve());
      });
      await within(pong, "a pong");
    });
  });
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const done = async (): Promise<void> => {
    while (!condition()) await turn();
  };
  await within(done(), what);
}
