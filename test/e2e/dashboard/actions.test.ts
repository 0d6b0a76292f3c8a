import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it, vi } from "vitest";
import { io as connect, type Socket } from "@portage/client";
import type { DashboardOptions } from "@portage/server/dashboard";
import { kTap } from "../../../packages/server/src/engine/index.ts";
import { nextEvent } from "../../support/waiting.ts";
import { atEnd, openBoard, type Opened, openPage } from "./support/board.ts";

async function openClient(port: number): Promise<Socket> {
  const client = connect(`http://localhost:${port}`, {
    transports: ["websocket"],
    forceNew: true,
    reconnection: false,
    query: { secret: "Tr0ub4" },
  });
  atEnd(() => client.disconnect());
  await nextEvent(client, "connect");
  return client;
}

interface Row {
  readonly handle: string;
}

async function rowsOf(page: Socket, filter = ""): Promise<Row[]> {
  const question = { order: "natural", descending: false, filter, from: 0, count: 200 };
  return ((await page.emitWithAck("page", "connections", question)) as { rows: Row[] }).rows;
}

/** Asks for a nonce, then acts. */
async function act(page: Socket, name: string, target: object): Promise<unknown> {
  const { nonce } = (await page.emitWithAck("nonce")) as { nonce: string };
  return page.emitWithAck("act", name, target, nonce);
}

interface Acting extends Opened {
  readonly page: Socket;
}

async function openActing(options: DashboardOptions = {}): Promise<Acting> {
  const opened = await openBoard({ role: "act", ...options });
  return { ...opened, page: await openPage(opened.host.port) };
}

describe("actions of the live page", () => {
  it("disconnects one client", async () => {
    const { host, page } = await openActing();
    const client = await openClient(host.port);
    const [row] = await rowsOf(page);
    const gone = nextEvent(client, "disconnect");
    expect(await act(page, "disconnect", { handle: row!.handle, count: 1 })).toEqual({ ok: true, affected: 1 });
    await gone;
    expect(await act(page, "disconnect", { handle: row!.handle, count: 1 })).toEqual({ error: "UNKNOWN" });
  });

  it("disconnects all that match, if there are as many as the viewer has typed", async () => {
    const { host, page, io } = await openActing();
    const clients = await Promise.all([1, 2, 3].map(() => openClient(host.port)));
    const filter = "transport:websocket";
    expect(await act(page, "disconnect", { filter, count: 2 })).toEqual({ error: "COUNT_CHANGED" });
    expect(io.engine.clientsCount).toBe(3);
    const gone = Promise.all(clients.map((client) => nextEvent(client, "disconnect")));
    expect(await act(page, "disconnect", { filter, count: 3 })).toEqual({ ok: true, affected: 3 });
    await gone;
  });

  it("puts a socket into a room, and takes it out", async () => {
    const { host, page, io } = await openActing();
    await openClient(host.port);
    const [row] = await rowsOf(page);
    const target = { handle: row!.handle, namespace: "/", room: "lobby" };
    expect(await act(page, "join", target)).toEqual({ ok: true, affected: 1 });
    expect(io.sockets.adapter.rooms.get("lobby")?.size).toBe(1);
    expect(await act(page, "leave", target)).toEqual({ ok: true, affected: 1 });
    expect(io.sockets.adapter.rooms.has("lobby")).toBe(false);
    expect(await act(page, "join", { ...target, namespace: "/none" })).toEqual({ error: "UNKNOWN" });
  });

  it("emits to one socket, and to a room of a known size", async () => {
    const { host, page, io } = await openActing();
    const client = await openClient(host.port);
    const [row] = await rowsOf(page);
    const event = { namespace: "/", event: "news", args: '["hello", 1]' };
    const first = nextEvent(client, "news");
    expect(await act(page, "emit", { ...event, handle: row!.handle, count: 1 })).toEqual({ ok: true, affected: 1 });
    expect(await first).toEqual(["hello", 1]);
    io.socketsJoin("lobby");
    expect(await act(page, "emit", { ...event, room: "lobby", count: 2 })).toEqual({ error: "COUNT_CHANGED" });
    const second = nextEvent(client, "news");
    expect(await act(page, "emit", { ...event, room: "lobby", count: 1 })).toEqual({ ok: true, affected: 1 });
    expect(await second).toEqual(["hello", 1]);
    for (const odd of [{ args: "{}" }, { args: "[" }, { event: "disconnect" }]) {
      const target = { ...event, room: "lobby", count: 1, ...odd };
      expect(await act(page, "emit", target)).toEqual({ error: "BAD_QUESTION" });
    }
  });

  it("drains the server, while the page stays", async () => {
    const { host, page } = await openActing();
    const client = await openClient(host.port);
    const gone = nextEvent(client, "disconnect");
    expect(await act(page, "drain", { timeout: 1000 })).toEqual({ ok: true, affected: 1 });
    await gone;
    expect(await rowsOf(page)).toEqual([]);
  });

  it("needs the role act, and a nonce that was not used before", async () => {
    const { host } = await openBoard();
    const viewer = await openPage(host.port);
    await openClient(host.port);
    const [row] = await rowsOf(viewer);
    const target = { handle: row!.handle, count: 1 };
    expect(await act(viewer, "disconnect", target)).toEqual({ error: "FORBIDDEN" });

    const { page } = await openActing();
    const { nonce } = (await page.emitWithAck("nonce")) as { nonce: string };
    const log = { scopes: "none:*", minutes: 1 };
    expect(await page.emitWithAck("act", "log", log, nonce)).toEqual({ ok: true, affected: 1 });
    expect(await page.emitWithAck("act", "log", log, nonce)).toEqual({ error: "FORBIDDEN" });
    expect(await page.emitWithAck("act", "log", log, "")).toEqual({ error: "FORBIDDEN" });
  });

  it("asks for the role again before each action", async () => {
    let role: "act" | "view" = "act";
    const { page, host } = await openActing({ auth: () => role });
    await openClient(host.port);
    const [row] = await rowsOf(page);
    role = "view";
    expect(await act(page, "disconnect", { handle: row!.handle, count: 1 })).toEqual({ error: "FORBIDDEN" });
  });

  it("asks the program, which may refuse", async () => {
    const asked: unknown[] = [];
    const { page } = await openActing({
      onAction: (action, viewer) => {
        asked.push([action, viewer]);
        return action.name !== "drain";
      },
    });
    expect(await act(page, "drain", { timeout: 0 })).toEqual({ error: "REFUSED" });
    expect(asked).toEqual([[{ name: "drain", target: { timeout: 0 } }, "this machine"]]);
  });

  it("reports each action with who acted", async () => {
    const { page, io } = await openActing();
    const messages: unknown[] = [];
    const keep = (message: unknown): void => void messages.push(message);
    subscribe("portage.dashboard.action", keep);
    await act(page, "log", { scopes: "none:*", minutes: 0 });
    unsubscribe("portage.dashboard.action", keep);
    expect(messages).toMatchObject([{ server: io, name: "log", viewer: "this machine", affected: 1 }]);
    const problems: unknown = await page.emitWithAck("watch", "problems", {});
    expect(problems).toMatchObject([{ kind: "action", code: "log", count: 1, subjects: ["this machine"] }]);
  });

  it("refuses targets with other fields", async () => {
    const { page } = await openActing();
    for (const [name, target] of [
      ["disconnect", { count: 1 }],
      ["disconnect", { handle: "a", filter: "b", count: 1 }],
      ["disconnect", { filter: "", count: 0 }],
      ["join", { handle: "a", namespace: "/", room: 1 }],
      ["log", { scopes: "*", minutes: 16 }],
      ["drain", { timeout: 1, more: "x" }],
    ] as const) {
      expect([name, target, await act(page, name, target)]).toEqual([name, target, { error: "BAD_QUESTION" }]);
    }
  });

  it("sends lines of the log, without ids, payloads and secrets", async () => {
    const { host, page, io } = await openActing();
    const written = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    atEnd(() => written.mockRestore());
    io.on("connection", (socket) => socket.on("hello", () => undefined));
    const lines: string[] = [];
    const done = new Promise<void>((resolve) => {
      page.on("logs", (more: string[]) => {
        lines.push(...more);
        if (lines.some((line) => line.includes("hello"))) resolve();
      });
    });
    expect(await act(page, "log", { scopes: "socket.io:*,engine*", minutes: 1 })).toEqual({ ok: true, affected: 1 });
    const client = await openClient(host.port);
    client.emit("hello", { password: "Tr0ub4", text: "of the client" });
    await done;
    const text = lines.join("\n");
    expect(text).toContain("engine handling upgrade GET /socket.io/?secret=(hidden)&EIO=4&transport=websocket");
    expect(text).toContain("received packet message EVENT / hello { password: (hidden), text: string(13) }");
    expect(text).not.toMatch(/Tr0ub4|of the client/);
    for (const id of [client.id!, ...Object.keys(io.engine.clients)]) expect(text).not.toContain(id);
    page.disconnect();
    await expect.poll(() => io.engine.clientsCount).toBe(1);
    expect(Object.values(io.engine.clients)[0]![kTap]).toBeUndefined();
  });
});
