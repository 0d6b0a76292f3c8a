import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { Server as SocketIo, type Socket as ServerSocket } from "@portage/server";
import type { Socket } from "@portage/server/engine";
import { link, startNodes, type TestNode } from "../../support/cluster/engine-nodes.ts";
import { openSession, query, send } from "../../support/cluster/raw-request.ts";
import { RoundRobin } from "../../support/cluster/round-robin.ts";
import { CLIENTS } from "../../support/clients.ts";
import { nextEvent, turn, within } from "../../support/waiting.ts";

const open: { close(): unknown }[] = [];
const owned = <T extends { close(): unknown }>(thing: T): T => {
  open.unshift(thing);
  return thing;
};

afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

async function start(...tags: string[]): Promise<TestNode[]> {
  const nodes = await startNodes(tags);
  for (const node of nodes) owned(node);
  return nodes;
}

/** Opens an answer that goes on; `text()` is what has arrived of it. */
async function openStream(
  front: TestNode,
  sid: string,
): Promise<{ res: IncomingMessage; readonly text: () => string }> {
  const { req } = send(front, `${query(sid)}&stream=10`, { headers: { accept: "text/event-stream" } });
  let text = "";
  const begun = nextEvent<[IncomingMessage]>(req, "response");
  req.on("response", (res) => res.on("data", (chunk: Buffer) => (text += chunk.toString())));
  const [res] = await begun;
  res.on("error", () => undefined);
  return { res, text: () => text };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  await within(
    (async () => {
      while (!condition()) await turn();
    })(),
    what,
  );
}

describe("an answer that goes on", () => {
  test("passes packets on as they are sent, until its last one", async () => {
    const [owner, front] = (await start("AAAA", "BBBB")) as [TestNode, TestNode];
    const sid = await openSession(owner);
    const session = owner.engine.clients[sid] as Socket;
    const { res, text } = await openStream(front, sid);
    expect(res.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    await until(() => text() === ":       \n\n", "the comment");
    session.send("one");
    await until(() => text().endsWith("data: 4one\n\n"), "the first event");
    expect((await send(front, query(sid), { body: "4up" }).answer).text).toBe("ok 1");
    session.send("two");
    await until(() => text().endsWith("data: 4two\n\n"), "the second event");
    const ended = nextEvent(res, "end");
    void front.engine.drain();
    await ended;
    expect(text()).toMatch(/data: 6\n\n$/);
    await until(() => owner.relay.stats.owned === 0, "the end of the exchange");
    expect(session.readyState).toBe("open");
  });

  test("ends the session if its client leaves inside it, or its front", async () => {
    const [owner, front] = (await start("AAAA", "BBBB")) as [TestNode, TestNode];
    for (const leave of ["client", "front"]) {
      const sid = await openSession(owner);
      const session = owner.engine.clients[sid] as Socket;
      const closed = nextEvent(session, "close");
      const { res } = await openStream(front, sid);
      if (leave === "client") res.destroy();
      else [...front.peers.links.values()][0]!.close("gone");
      await closed;
      expect(session.closeReason).toMatchObject({ code: "POLL_LOST" });
      await until(() => owner.relay.stats.owned + front.relay.stats.pending === 0, "the end of the exchange");
    }
  });
});

describe("our client, whose session is carried", () => {
  test("loses and doubles nothing while links break and fronts cut its connections", async () => {
    const nodes = (await start("AAAA", "BBBB", "CCCC")) as [TestNode, TestNode, TestNode];
    const sockets: ServerSocket[] = [];
    const up: number[] = [];
    for (const { engine } of nodes) {
      const io = new SocketIo();
      io.bind(engine);
      io.on("connection", (socket) => {
        sockets.push(socket);
        socket.on("up", (n: number) => up.push(n));
      });
    }
    const { url } = owned(await RoundRobin.over(nodes.map(({ port }) => port)));
    const client = CLIENTS["@portage/client"]!(url, { transports: ["polling"] });
    owned(client as never);
    const down: number[] = [];
    const failures: unknown[] = [];
    client.on("disconnect", (reason: string) => failures.push(reason));
    client.on("down", (n: number) => down.push(n));
    await nextEvent(client, "connect");
    const owner = nodes.find(({ engine }) => engine.clientsCount === 1)!;
    const fronts = nodes.filter((node) => node !== owner);
    for (let n = 0; n < 400; n++) {
      sockets[0]!.emit("down", n);
      client.emit("up", n);
      for (let i = 0; i < 3; i++) await turn();
      if (n % 25 !== 24) continue;
      const front = fronts[(n / 25) & 1]!;
      if (n % 50 === 24) front.server.closeAllConnections();
      else {
        front.peers.links.get(owner.tag)!.close("cut");
        link(owner, front);
      }
    }
    const all = Array.from({ length: 400 }, (_, i) => i);
    await until(() => down.length >= 400 && up.length >= 400, `all messages, got ${down.length} and ${up.length}`);
    expect(failures).toEqual([]);
    expect(down).toEqual(all);
    expect(up).toEqual(all);
  });
});
