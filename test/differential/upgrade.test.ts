import type { Socket as Session } from "engine.io";
import { describe } from "vitest";
import type { RawPolling } from "../support/raw/polling.ts";
import type { RawWebSocket } from "../support/raw/websocket.ts";
import { nextEvent } from "../support/waiting.ts";
import { differential, differentialEngine, type EngineContext } from "./scenario.ts";

interface Candidate {
  readonly polling: RawPolling;
  readonly websocket: RawWebSocket;
  readonly session: Session;
}

/** A session on polling, and a WebSocket that has asked for it. */
async function candidate(context: EngineContext): Promise<Candidate> {
  context.watchEngine();
  const connection = nextEvent<[Session]>(context.engine, "connection");
  const polling = await context.polling("A");
  const [session] = await connection;
  session.on("message", (message: unknown) => {
    context.note("messages", message);
    session.send(`echo ${String(message)}`);
  });
  const websocket = await context.websocket("B", { sid: polling.sid });
  return { polling, websocket, session };
}

/** Probes, and waits until the pending poll is answered. */
async function probe({ polling, websocket }: Candidate): Promise<void> {
  const poll = polling.beginPoll();
  await poll.arrived;
  websocket.send("2probe");
  await websocket.until((packet) => packet === "3probe");
  await poll.packets;
}

async function commit(context: EngineContext, { websocket }: Candidate): Promise<void> {
  websocket.send("5");
  await context.seen("engine", /^upgrade /);
}

function upgrade(name: string, scenario: (context: EngineContext, all: Candidate) => Promise<unknown>): void {
  differentialEngine(`upgrade: ${name}`, {}, async (context) => {
    const all = await candidate(context);
    await scenario(context, all);
    context.note(
      "session",
      all.session.readyState,
      all.session.transport.name,
      all.session.upgraded,
      all.session.upgrading,
    );
  });
}

describe("the way it goes", () => {
  upgrade("probe and commit", async (context, all) => {
    await probe(all);
    await commit(context, all);
    all.websocket.send("4over websocket");
    await all.websocket.until((packet) => packet === "4echo over websocket");
  });

  upgrade("packets before, between and after", async (_context, all) => {
    const { polling, websocket, session } = all;
    session.send("before the probe");
    await polling.post("4before the probe");
    await polling.until((packet) => packet === "4echo before the probe");
    await probe(all);
    session.send("probed");
    await polling.post("4probed");
    await polling.until((packet) => packet === "4echo probed");
    websocket.send("5");
    websocket.send("4committed");
    session.send("committed");
    await websocket.until((packet) => packet === "4echo committed");
  });

  upgrade("what is queued at the commit goes over websocket", async (context, all) => {
    await probe(all);
    for (const text of ["one", "two", "three"]) all.session.send(text);
    await commit(context, all);
    await all.websocket.until((packet) => packet === "4three");
  });

  upgrade("commit without a probe", async (context, all) => {
    await commit(context, all);
    all.websocket.send("4hello");
    await all.websocket.until((packet) => packet === "4echo hello");
  });

  upgrade("a repeated probe", async (context, all) => {
    await probe(all);
    all.websocket.send("2probe");
    await all.websocket.until((packet) => packet === "3probe");
    await commit(context, all);
  });

  upgrade("an empty probe and a wrong one", async (_context, all) => {
    all.websocket.send("2wrong");
    await all.websocket.ended();
    await all.polling.post("4alive");
    await all.polling.next();
  });
});

describe("the ways it fails", () => {
  for (const packet of ["4message", "3probe", "6", "1", "0{}", "2", "garbage"]) {
    upgrade(`${packet} instead of a probe`, async (_context, { polling, websocket }) => {
      websocket.send(packet);
      await websocket.ended();
      await polling.post("4alive");
      await polling.next();
    });
  }

  for (const packet of ["4message", "3probe", "6"]) {
    upgrade(`${packet} after the probe`, async (_context, all) => {
      await probe(all);
      all.websocket.send(packet);
      await all.websocket.ended();
      await all.polling.post("4alive");
      await all.polling.next();
    });
  }

  for (const [name, end] of Object.entries<(websocket: RawWebSocket) => unknown>({
    close: (websocket) => websocket.close(),
    cut: (websocket) => websocket.cut(),
    reset: (websocket) => websocket.reset(),
  })) {
    upgrade(`${name} after the probe, then a new candidate`, async (context, all) => {
      await probe(all);
      end(all.websocket);
      await all.websocket.ended();
      await all.polling.post("4still here");
      await all.polling.until((packet) => packet.startsWith("4"));
      const websocket = await context.websocket("C", { sid: all.polling.sid });
      await probe({ ...all, websocket });
      await commit(context, { ...all, websocket });
      websocket.send("4hello");
      await websocket.until((packet) => packet === "4echo hello");
    });
  }

  upgrade("a second candidate", async (context, all) => {
    const second = await context.websocket("C", { sid: all.polling.sid });
    await second.ended();
    await probe(all);
    const third = await context.websocket("D", { sid: all.polling.sid });
    await third.ended();
    await commit(context, all);
    const fourth = await context.websocket("E", { sid: all.polling.sid });
    await fourth.ended();
  });

  upgrade("polls and posts after the commit", async (context, all) => {
    await probe(all);
    await commit(context, all);
    await context.http({ path: all.polling.path.replace(all.polling.sid, "unknown") });
    const get = await context.startHttp({ path: all.polling.path }).reply;
    const post = await context.startHttp({ path: all.polling.path, method: "POST", body: "4late" }).reply;
    context.note("late", get.status, get.text, post.status, post.text);
  });

  upgrade("an upgrade commit that comes again", async (context, all) => {
    await probe(all);
    await commit(context, all);
    all.websocket.send("5");
    all.websocket.send("4hello");
    await all.websocket.until((packet) => packet === "4echo hello");
  });

  differentialEngine("upgrade: a candidate that never probes", { upgradeTimeout: 40 }, async (context) => {
    const { polling, websocket } = await candidate(context);
    await websocket.ended();
    await polling.post("4alive");
    await polling.next();
  });

  differentialEngine("upgrade: a probe without a commit", { upgradeTimeout: 60 }, async (context) => {
    const { polling, websocket } = await candidate(context);
    websocket.send("2probe");
    await websocket.ended();
    await polling.post("4alive");
    await polling.until((packet) => packet === "4echo alive");
  });

  differentialEngine("upgrade: not allowed but tried", { allowUpgrades: false }, async (context) => {
    const all = await candidate(context);
    await probe(all);
    await commit(context, all);
  });
});

describe("closing meanwhile", () => {
  upgrade("the session closes before the probe", async (context, { polling, websocket, session }) => {
    const poll = polling.beginPoll();
    await poll.arrived;
    session.close();
    await poll.packets;
    await websocket.ended();
    await context.seen("engine", /^close/);
  });

  upgrade("the client closes over polling after the probe", async (context, all) => {
    await probe(all);
    await all.polling.post("1");
    await all.websocket.ended();
    await context.seen("engine", /^close/);
  });

  upgrade("it completes while the session is closing", async (context, all) => {
    await probe(all);
    all.session.send("last words");
    all.session.close();
    all.websocket.send("5");
    await all.websocket.ended();
    await context.seen("engine", /^close/);
  });

  upgrade("the server closes after the commit", async (context, all) => {
    await probe(all);
    await commit(context, all);
    all.session.send("last words");
    all.session.close();
    await all.websocket.ended();
    await context.seen("engine", /^close/);
  });
});

describe("with Socket.IO on top", () => {
  differential("upgrade: a socket keeps its identity", {}, async (context) => {
    context.watchEngine();
    context.watchAll();
    const client = context.client("A");
    await nextEvent(client.io.engine ?? client.io, "upgrade").catch(() => undefined);
    await context.seen("engine", /^upgrade /);
    const [socket] = context.io.of("/").sockets.values();
    context.note("server", socket?.conn.transport.name, socket?.connected);
    client.emit("hello", Buffer.from("x"));
    await context.seen("server", /^hello/);
  });
});
