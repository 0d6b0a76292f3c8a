import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { io as connect, type Socket } from "@portage/client";
import { Nodes, type Node } from "../cluster/nodes.ts";
import type { Finding } from "../../../packages/server/src/dashboard/wire.ts";
import { nextEvent, within } from "../../support/waiting.ts";
import { atEnd, boardOf, logIn, openPage } from "./support/board.ts";

const nodes: Nodes[] = [];
afterEach(async () => {
  while (nodes.length > 0) await nodes.pop()!.stop();
});

const portOf = ({ io }: Node): number => (io.httpServer.address() as AddressInfo).port;

async function openNodes(count: number, options: Parameters<typeof boardOf>[1] = {}): Promise<Node[]> {
  const meeting = new Nodes();
  nodes.push(meeting);
  const opened: Node[] = [];
  for (let each = 0; each < count; each += 1) opened.push(await meeting.start());
  await meeting.meet(count - 1);
  for (const { io } of opened) boardOf(io, options);
  return opened;
}

async function openClient(node: Node): Promise<Socket> {
  const client = connect(`http://localhost:${portOf(node)}`, { transports: ["websocket"], forceNew: true });
  atEnd(() => client.disconnect());
  await nextEvent(client, "connect");
  return client;
}

/** Sends one request to a node; resolves with its status, and its body. */
function send(node: Node, path: string, cookie: string, body?: string): Promise<readonly [number, string]> {
  return new Promise((resolve, reject) => {
    const port = portOf(node);
    const headers = { Host: `localhost:${port}`, ...(cookie !== "" && { Cookie: cookie }) };
    const method = body === undefined ? "GET" : "POST";
    const req = request({ host: "127.0.0.1", port, path, method, agent: false, headers }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      res.on("end", () => resolve([res.statusCode ?? 0, text]));
    });
    req.on("error", reject);
    req.end(body);
  });
}

const QUESTION = { order: "natural", descending: false, filter: "", from: 0, count: 200 };

describe("the live page of several nodes", () => {
  it("shows all nodes", async () => {
    const [first, second, third] = (await openNodes(3)) as [Node, Node, Node];
    await openClient(second);
    const page = await openPage(portOf(first));
    const rows = (await page.emitWithAck("watch", "cluster", {})) as Record<string, unknown>[];
    const tags = [first, second, third].map(({ cluster }) => cluster.tag);
    expect(new Set(rows.map(({ tag }) => tag))).toEqual(new Set(tags));
    expect(rows.map(({ self }) => self)).toEqual([true, false, false]);
    const other = rows.find(({ tag }) => tag === second.cluster.tag);
    expect(other).toMatchObject({ state: "up", connections: 1, version: rows[0]!["version"] });
    expect(other!["heap"]).toBeGreaterThan(0);
  });

  it("begins with the findings of all nodes, without ids of their clients", async () => {
    const [first, second] = (await openNodes(3)) as [Node, Node];
    second.io.on("handler_error", () => undefined);
    second.io.on("connection", (socket) =>
      socket.on("fail", () => {
        throw new Error("of the program");
      }),
    );
    const client = await openClient(second);
    const failing = setInterval(() => client.emit("fail"), 500);
    atEnd(() => clearInterval(failing));
    const page = await openPage(portOf(first));
    const found = new Promise<Finding[]>((resolve) => {
      page.on("findings", (findings: Finding[]) => findings.length > 0 && resolve(findings));
    });
    await page.emitWithAck("hello", { build: "test" });
    const findings = await within(found, "a finding of the second node", 25_000);
    expect(findings).toMatchObject([{ code: "HANDLERS_FAIL", subject: "fail", node: second.cluster.tag }]);
    for (const id of [client.id!, ...Object.keys(second.io.engine.clients)]) {
      expect(JSON.stringify(findings)).not.toContain(id);
    }
  }, 40_000);

  it("counts neither viewers nor waits for them", async () => {
    const [first] = (await openNodes(2)) as [Node];
    const page = await openPage(portOf(first));
    expect(first.cluster.nodes()[0]!.sessions).toBe(0);
    await first.io.drain({ deadline: 1000 });
    expect(first.cluster.nodes()[0]!.state).toBe("draining");
    expect(await page.emitWithAck("page", "connections", QUESTION)).toMatchObject({ rows: [] });
  });

  it("shows connections of another node, which hides what viewers may not see", async () => {
    const [first, second] = (await openNodes(2)) as [Node, Node];
    const client = await openClient(second);
    const page = await openPage(portOf(first));
    const { tag } = second.cluster;
    const answer: unknown = await page.emitWithAck("page", "connections", { ...QUESTION, node: tag });
    expect(answer).toMatchObject({ total: 1, rows: [{ transport: "websocket", address: "127.0.0.0/24" }] });
    for (const id of [client.id!, ...Object.keys(second.io.engine.clients)]) {
      expect(JSON.stringify(answer)).not.toContain(id);
    }
    expect(await page.emitWithAck("page", "connections", { ...QUESTION, node: "none" })).toEqual({ error: "UNKNOWN" });
  });

  it("takes polls of a page at any node", async () => {
    const [first, second] = (await openNodes(2)) as [Node, Node];
    const [status, open] = await send(first, "/dashboard/live/?EIO=4&transport=polling", "");
    expect(status).toBe(200);
    const { sid } = JSON.parse(open.slice(1)) as { sid: string };
    const path = `/dashboard/live/?EIO=4&transport=polling&sid=${sid}`;
    expect(await send(second, path, "", "40")).toEqual([200, "ok"]);
    expect((await send(second, path, ""))[1]).toMatch(/^40\{"sid"/);
    expect(await send(second, path, "", '420["hello",{"build":"test"}]')).toEqual([200, "ok"]);
    expect((await send(first, path, ""))[1]).toContain('430[{"version"');
  });

  it("lets those in at each node who have logged in at one, until they log out", async () => {
    const [first, second] = (await openNodes(2, { auth: { token: "the token" } })) as [Node, Node];
    const { headers } = await logIn(portOf(first), { password: "the token" });
    const cookie = headers["set-cookie"]![0]!.split(";")[0]!;
    expect((await send(second, "/dashboard/", cookie))[0]).toBe(200);
    expect((await send(second, "/dashboard/", `${cookie.slice(0, -2)}xx`))[0]).toBe(401);
    const page = await openPage(portOf(second), { headers: { Cookie: cookie } });
    expect(page.connected).toBe(true);
    expect((await send(second, "/dashboard/logout", cookie, ""))[0]).toBe(303);
    expect((await send(first, "/dashboard/", cookie))[0]).toBe(401);
    expect((await send(second, "/dashboard/", cookie))[0]).toBe(401);
  });

  it("disconnects clients of another node, as many as the viewer has typed", async () => {
    const [first, second] = (await openNodes(2, { role: "act" })) as [Node, Node];
    const client = await openClient(second);
    await openClient(first);
    const page = await openPage(portOf(first));
    const act = async (target: object): Promise<unknown> => {
      const { nonce } = (await page.emitWithAck("nonce")) as { nonce: string };
      return page.emitWithAck("act", "disconnect", target, nonce);
    };
    const target = { filter: "transport:websocket", node: second.cluster.tag };
    expect(await act({ ...target, count: 2 })).toEqual({ error: "COUNT_CHANGED" });
    const gone = nextEvent(client, "disconnect");
    expect(await act({ ...target, count: 1 })).toEqual({ ok: true, affected: 1 });
    await gone;
    expect(first.io.engine.clientsCount).toBe(1);
  });
});
