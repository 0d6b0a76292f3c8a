import type { WebSocket } from "@portage/websocket";
import { describe, expect, it } from "vitest";
import { nextEvent } from "../support/waiting.ts";
import { IMPLEMENTATIONS, newClient, openPair, startServer, urlOf } from "./websocket-api.ts";

describe.each(IMPLEMENTATIONS)("the browser's interface of %s", (_name, api) => {
  const idle = (): WebSocket => new api.WebSocket(null, undefined, {});

  it("passes events to the on* properties", async () => {
    const server = await startServer(api);
    server.on("connection", (socket) => {
      socket.send("text");
      socket.send(Buffer.from([1]));
      socket.close(3000, "reason");
    });
    const client = newClient(api, urlOf(server));
    const log: unknown[] = [];
    client.onopen = (event) => log.push([event.type, event.target === client]);
    client.onmessage = (event) => log.push([event.type, event.data, event.target === client]);
    client.onclose = (event) =>
      log.push([event.type, event.code, event.reason, event.wasClean, event.target === client]);
    await nextEvent(client, "close");
    expect(log).toEqual([
      ["open", true],
      ["message", "text", true],
      ["message", Buffer.from([1]), true],
      ["close", 3000, "reason", true, true],
    ]);
  });

  it("passes the error", () => {
    const client = idle();
    const seen: unknown[] = [];
    client.onerror = (event) => seen.push([event.type, event.error, event.message, event.target === client]);
    const error = new Error("what happened");
    client.emit("error", error);
    expect(seen).toEqual([["error", error, "what happened", true]]);
  });

  it("is not clean after 1006", async () => {
    const { client, peer } = await openPair(api);
    const closed = new Promise<unknown>(
      (resolve) => (client.onclose = (event) => resolve([event.code, event.wasClean])),
    );
    peer.terminate();
    expect(await closed).toEqual([1006, false]);
  });

  it("delivers ArrayBuffers on request", async () => {
    const { client, peer } = await openPair(api);
    client.binaryType = "arraybuffer";
    const data = new Promise<unknown>((resolve) => (client.onmessage = (event) => resolve(event.data)));
    peer.send(new Uint8Array([1, 2]));
    expect(await data).toEqual(new Uint8Array([1, 2]).buffer);
  });

  it("replaces and removes a property's handler", () => {
    const client = idle();
    const calls: string[] = [];
    const first = (): void => void calls.push("first");
    const second = (): void => void calls.push("second");
    client.onopen = first;
    expect(client.onopen).toBe(first);
    client.onopen = second;
    expect([client.onopen, client.listenerCount("open")]).toEqual([second, 1]);
    client.emit("open");
    client.onopen = null;
    expect([client.onopen, client.listenerCount("open")]).toEqual([null, 0]);
    client.onopen = "no function" as never;
    expect(client.onopen).toBe(null);
    expect(calls).toEqual(["second"]);
  });

  it("keeps properties and addEventListener apart", () => {
    const client = idle();
    let calls = 0;
    const handler = (): void => void calls++;
    client.onopen = handler;
    client.addEventListener("open", handler);
    client.removeEventListener("open", handler);
    expect(client.onopen).toBe(handler);
    client.emit("open");
    expect(calls).toBe(1);
  });

  it("adds a handler once, and removes it", () => {
    const client = idle();
    const handler = (): void => undefined;
    client.addEventListener("close", handler);
    client.addEventListener("close", handler);
    expect(client.listenerCount("close")).toBe(1);
    const other = (): void => undefined;
    client.removeEventListener("close", other);
    expect(client.listenerCount("close")).toBe(1);
    client.removeEventListener("close", handler);
    expect(client.listenerCount("close")).toBe(0);
  });

  it("calls a handler with once a single time, and recognises it until then", () => {
    const client = idle();
    const calls: unknown[] = [];
    const handler = ({ data }: { data: unknown }): void => void calls.push(data);
    client.addEventListener("message", handler, { once: true });
    client.addEventListener("message", handler, { once: true });
    client.emit("message", Buffer.from("a"), false);
    client.emit("message", Buffer.from("b"), false);
    client.addEventListener("message", handler, { once: true });
    client.removeEventListener("message", handler);
    client.emit("message", Buffer.from("c"), false);
    expect(calls).toEqual(["a"]);
  });

  it("calls handleEvent of an object", () => {
    const client = idle();
    const handler = {
      seen: [] as unknown[],
      handleEvent(event: { type: string }) {
        this.seen.push(event.type);
      },
    };
    client.addEventListener("open", handler);
    client.emit("open");
    client.removeEventListener("open", handler);
    client.emit("open");
    expect(handler.seen).toEqual(["open"]);
  });

  it("calls functions with the socket as this", () => {
    const client = idle();
    let self: unknown;
    client.addEventListener("open", function (this: WebSocket) {
      // oxlint-disable-next-line no-this-alias
      self = this;
    });
    client.emit("open");
    expect(self).toBe(client);
  });

  it("ignores events that a browser does not have", () => {
    const client = idle();
    client.addEventListener("ping" as never, () => expect.unreachable());
    expect(client.listenerCount("ping")).toBe(0);
  });
});
