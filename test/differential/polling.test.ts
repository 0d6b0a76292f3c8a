import { describe } from "vitest";
import { differential, differentialEngine, type EngineContext } from "./scenario.ts";

function echoing(context: EngineContext): void {
  context.watchEngine();
  context.engine.on("connection", (session) => {
    session.on("message", (message: string) => {
      context.note("messages", message);
      if (message !== "quiet") session.send(message);
    });
  });
}

describe("polls", () => {
  differentialEngine("a poll waits for a packet", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    const poll = client.beginPoll();
    await poll.arrived;
    await client.post("4hello");
    await poll.packets;
  });

  differentialEngine("polls overlap", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    const first = client.beginPoll();
    await first.arrived;
    const second = await context.startHttp({ path: client.path }).reply;
    context.note("second", second.status);
    await first.packets;
    await context.seen("engine", /^close/);
  });

  differentialEngine("a poll of a closed session", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    await client.post("1");
    await context.seen("engine", /^close/);
    await client.poll().catch(() => undefined);
  });

  differentialEngine("packets queue up between polls", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    await client.post("4one", "4two", Buffer.from([1, 2, 3]), "4three");
    await client.until((packet) => packet === "4three");
  });
});

describe("posts", () => {
  const bodies: Record<string, string | Buffer | string[]> = {
    "one packet": "4hello",
    "several packets": "4one\u001e4two\u001ebAQID\u001e4",
    unicode: "4é€😀\u2028",
    "in pieces": ["4he", "l", "lo\u001e4", "more"],
    "a character cut in two": "4€".repeat(1),
    "a heartbeat nobody asked for": "3",
    empty: "",
    "an empty packet at the end": "4a\u001e",
    "an unknown packet": "4before\u001e9unknown\u001e4behind",
    "an open packet": "0{}",
    "an upgrade packet": "5",
    "a noop packet": "6",
    "a ping": "2",
    "bad base64": "b!!!!",
    "one byte over the limit": `4${"x".repeat(1000)}`,
    "exactly the limit": `4${"x".repeat(999)}`,
    "over the limit in pieces": ["4", "x".repeat(600), "y".repeat(600)],
    "over the limit in bytes only": `4${"€".repeat(400)}`,
  };
  for (const [name, body] of Object.entries(bodies)) {
    differentialEngine(`post: ${name}`, { maxHttpBufferSize: 1000 }, async (context) => {
      echoing(context);
      const client = await context.polling("A");
      const isRefused = (await client.postBody(body)).status !== 200;
      // A second request shows whether the session has survived.
      if (!isRefused) await client.post("4quiet").catch(() => undefined);
    });
  }

  differentialEngine("post: a character cut in two by the network", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    const text = Buffer.from("4€uro");
    await client.postBody([text.subarray(0, 2), text.subarray(2, 3), text.subarray(3)]);
    await context.seen("messages", "uro");
  });

  for (const type of [
    "application/octet-stream",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "",
  ]) {
    differentialEngine(`post of content type "${type}"`, {}, async (context) => {
      echoing(context);
      const client = await context.polling("A");
      await client.postBody("4hello", { "content-type": type });
      await context
        .startHttp({ path: client.path, method: "POST", body: "4quiet" })
        .reply.then((reply) => context.note("later", reply.status));
    });
  }

  differentialEngine("posts overlap", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    const first = context.startHttp({
      path: client.path,
      method: "POST",
      headers: { "content-length": "100" },
      body: ["4hel"],
    });
    await first.arrived;
    const second = await context.startHttp({ path: client.path, method: "POST", body: "4two" }).reply;
    context.note("second", second.status);
    first.abort();
    await context.seen("engine", /^close/);
  });

  differentialEngine("a post is dropped halfway", {}, async (context) => {
    echoing(context);
    const client = await context.polling("A");
    const post = context.startHttp({
      path: client.path,
      method: "POST",
      headers: { "content-length": "100" },
      body: ["4hel"],
    });
    await post.arrived;
    post.abort();
    await context.seen("engine", /^close/);
  });
});

describe("closing with packets in the queue", () => {
  differentialEngine("queued packets come before the end", {}, async (context) => {
    context.watchEngine();
    context.engine.on("connection", (session) => {
      for (const text of ["one", "two", "three"]) session.send(text);
      session.close();
    });
    const client = await context.polling("A");
    await client.until((packet) => packet.startsWith("1"));
    await context.seen("engine", /^close/);
    const websocket = await context.websocket("B");
    await websocket.ended();
    await context.seen("engine", /^close/, 2);
  });

  differentialEngine("a discarded session ends at once", {}, async (context) => {
    context.watchEngine();
    context.engine.on("connection", (session) => {
      session.once("message", () => {
        session.send("never sent");
        session.close(true);
        context.note("session", session.readyState);
      });
    });
    const client = await context.polling("A");
    await client.post("4go").catch(() => undefined);
    await context.seen("engine", /^close/);
  });

  differentialEngine("the server closes while a poll waits", {}, async (context) => {
    context.watchEngine();
    const client = await context.polling("A");
    const poll = client.beginPoll();
    await poll.arrived;
    context.engine.close();
    await poll.packets;
    await context.seen("engine", /^close/);
  });

  differentialEngine("callbacks of send", {}, async (context) => {
    context.engine.on("connection", (session) => {
      session.on("flush", (packets: unknown[]) => context.note("session", "flush", packets.length > 0));
      session.send("one", {}, () => context.note("callbacks", "one"));
      session.send("two", () => context.note("callbacks", "two"));
      session.on("message", () => session.send("three", {}, () => context.note("callbacks", "three")));
    });
    const client = await context.polling("A");
    await client.until((packet) => packet === "4two");
    await client.post("4more");
    await client.until((packet) => packet === "4three");
    await context.seen("callbacks", "three");
  });

  differentialEngine("what is sent to a session that is closing", {}, async (context) => {
    context.watchEngine();
    context.engine.on("connection", (session) => {
      session.on("message", (message: string) => {
        session.send(`echo ${message}`);
        session.close();
        session.send("behind");
        context.note("session", session.readyState);
      });
    });
    const client = await context.websocket("A");
    await client.next();
    client.send("4one");
    client.send("4two");
    await client.ended();
  });
});

describe("sizes", () => {
  differential("polling: an event over maxHttpBufferSize", { maxHttpBufferSize: 500 }, async (context) => {
    context.watchEngine();
    context.watchAll();
    const client = await context.polling("A");
    await client.post("40");
    await client.next();
    await client.post(`42["big","${"x".repeat(500)}"]`);
    await client.post('42["small"]').catch(() => undefined);
  });

  differential("websocket: an event over maxHttpBufferSize", { maxHttpBufferSize: 500 }, async (context) => {
    context.watchEngine();
    context.watchAll();
    const client = await context.websocket("A");
    client.send("40");
    await client.until((packet) => packet.startsWith("40"));
    client.send(`42["fits","${"x".repeat(480)}"]`);
    await context.seen("server", /^fits/);
    client.send(`42["big","${"x".repeat(500)}"]`);
    await client.ended();
    await context.seen("server", /^disconnect /);
  });

  differential("what the server sends may be larger", { maxHttpBufferSize: 100 }, async (context) => {
    context.io.on("connection", (socket) => socket.emit("big", "x".repeat(200_000), Buffer.alloc(70_000, 1)));
    for (const transport of ["polling", "websocket"] as const) {
      const client = transport === "polling" ? await context.polling("A") : await context.websocket("B");
      await (transport === "polling"
        ? (client as { post(p: string): Promise<unknown> }).post("40")
        : (client as { send(p: string): void }).send("40"));
      await client.until((packet) => packet.startsWith("45"));
      await client.next();
    }
  });
});
