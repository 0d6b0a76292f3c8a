import { describe } from "vitest";
import { joinBinaryPackets3, joinPackets3 } from "../support/payload.ts";
import { nextEvent } from "../support/waiting.ts";
import io2 from "socket.io-client-2";
import { differential, differentialEngine, type EngineContext, type SocketContext } from "./scenario.ts";

const OLD = { allowEIO3: true };
const revision = 3 as const;

function echoing(context: EngineContext): void {
  context.watchEngine();
  context.engine.on("connection", (session) => {
    session.on("message", (message: string | Buffer) => {
      context.note("messages", message);
      session.send(message);
    });
  });
}

const TEXTS = ["hello", "é€", "😀 astral", "\u2028\u0000", "4", "", "12:4x"];

describe("revision 3 over polling", () => {
  for (const text of TEXTS) {
    differentialEngine(`EIO3 polling text ${JSON.stringify(text)}`, OLD, async (context) => {
      echoing(context);
      const client = await context.polling("A", { revision, query: { b64: "1" } });
      await client.post(`4${text}`);
      await client.next();
    });

    differentialEngine(`EIO3 polling text ${JSON.stringify(text)} in the binary form`, OLD, async (context) => {
      echoing(context);
      const client = await context.polling("A", { revision });
      await client.postBody(joinBinaryPackets3([`4${text}`]), { "content-type": "application/octet-stream" });
      await client.next();
    });
  }

  differentialEngine("EIO3 binary message in base64", OLD, async (context) => {
    echoing(context);
    const client = await context.polling("A", { revision, query: { b64: "1" } });
    await client.post(Buffer.from([0, 1, 250, 255]));
    await client.next();
  });

  differentialEngine("EIO3 binary message in the binary form", OLD, async (context) => {
    echoing(context);
    const client = await context.polling("A", { revision });
    const body = joinBinaryPackets3(["4before", Buffer.from([0, 1, 250, 255]), "4after"]);
    await client.postBody(body, { "content-type": "application/octet-stream" });
    await client.until((packet) => packet.includes("after"));
  });

  differentialEngine("EIO3 several packets", OLD, async (context) => {
    echoing(context);
    const client = await context.polling("A", { revision, query: { b64: "1" } });
    await client.post("4one", "4two", Buffer.from("three"), "4four");
    await client.until((packet) => packet === "4four");
  });

  differentialEngine("EIO3 pings of the client", OLD, async (context) => {
    echoing(context);
    const client = await context.polling("A", { revision });
    await client.post("2");
    await client.next();
    await client.post("2probe");
    await client.next();
  });

  for (const body of ["garbage", "5:4ab", "-1:4", "1e2:4a", ":4a", "4", "3", "1:9", "0:", "1:3", "2:4a3:4b"]) {
    differentialEngine(`EIO3 body ${body}`, OLD, async (context) => {
      echoing(context);
      const client = await context.polling("A", { revision });
      await client.postBody(body);
      await client.postBody("2:4x").catch(() => undefined);
    });
  }

  for (const hex of ["", "00", "0001ff", "0001ff34", "01ff", "0105ff34", "000909ff34", "02 01ff34".replace(" ", "")]) {
    differentialEngine(`EIO3 binary body ${hex}`, OLD, async (context) => {
      echoing(context);
      const client = await context.polling("A", { revision });
      await client.postBody(Buffer.from(hex, "hex"), { "content-type": "application/octet-stream" });
    });
  }

  differentialEngine("EIO3 ping timeout", { ...OLD, pingInterval: 30, pingTimeout: 30 }, async (context) => {
    echoing(context);
    await context.polling("A", { revision });
    await context.seen("engine", /^close/);
  });

  differentialEngine("EIO3 without a revision in the query", OLD, async (context) => {
    echoing(context);
    await context.polling("A", { revision, query: { EIO: "" } });
    await context.polling("B", { revision, query: { EIO: "2" } });
  });
});

describe("JSONP", () => {
  differentialEngine("JSONP answers", OLD, async (context) => {
    echoing(context);
    const reply = await context.http({ path: "/engine.io/?EIO=3&transport=polling&j=0" });
    const sid = /\\"sid\\":\\"([^\\]+)/.exec(reply.text)?.[1] ?? "none";
    context.tracer.mask(sid, "<sid>");
    const path = `/engine.io/?EIO=3&transport=polling&j=1&sid=${sid}`;
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    for (const packet of ["4hello", "4a\nb\\n\\\\nc", "4\u2028\u2029</script>", "4é€"]) {
      await context.http({ path, method: "POST", headers, body: `d=${encodeURIComponent(joinPackets3([packet]))}` });
      await context.http({ path });
    }
  });

  for (const index of ["", "abc", "1)", "12345"]) {
    differentialEngine(`JSONP index "${index}"`, OLD, async (context) => {
      const reply = await context.http({ path: `/engine.io/?EIO=3&transport=polling&j=${encodeURIComponent(index)}` });
      context.tracer.mask(/"sid\\?":\\?"([^\\"]+)/.exec(reply.text)?.[1] ?? "", "<sid>");
    });
  }
});

describe("revision 3 over websocket", () => {
  differentialEngine("EIO3 websocket messages", OLD, async (context) => {
    echoing(context);
    const client = await context.websocket("A", { revision });
    await client.next();
    for (const text of TEXTS) {
      client.send(`4${text}`);
      await client.next();
    }
    client.send(Buffer.from([4, 0, 1, 255]));
    await client.next();
    client.send("2");
    await client.next();
    client.send("b4AQID");
    await client.next();
  });

  differentialEngine("EIO3 upgrade", OLD, async (context) => {
    echoing(context);
    const polling = await context.polling("A", { revision });
    const websocket = await context.websocket("B", { revision, sid: polling.sid });
    const poll = polling.beginPoll();
    await poll.arrived;
    websocket.send("2probe");
    await websocket.until((packet) => packet === "3probe");
    await poll.packets;
    websocket.send("5");
    websocket.send("4hello");
    await websocket.until((packet) => packet === "4hello");
  });

  differentialEngine("EIO3 a pong of the client", OLD, async (context) => {
    echoing(context);
    const client = await context.websocket("A", { revision });
    await client.next();
    client.send("3");
    await client.ended();
    await context.seen("engine", /^close/);
  });
});

function watchOld(context: SocketContext): void {
  for (const name of ["/", "/chat"]) {
    context.io.of(name).on("connection", (socket) => {
      context.watch(socket);
      context.note(
        "server",
        socket.id === Reflect.get(socket.conn, "id"),
        socket.id.startsWith(`${name}#`),
        socket.handshake.auth,
      );
      socket.on("ask", (value: unknown, answer: (value: unknown) => void) => answer(value));
    });
  }
}

describe("Socket.IO 2", () => {
  differential("Socket.IO 2 connects unasked", OLD, async (context) => {
    watchOld(context);
    const client = await context.websocket("A", { revision });
    await client.next();
    await client.next();
    client.send('421["ask",{"a":1}]');
    await client.until((packet) => packet.startsWith("431"));
    client.send('452-2["ask",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]');
    client.send(Buffer.from([4, 1]));
    client.send(Buffer.from([4, 2]));
    await client.until((packet) => packet.startsWith("46"));
    await context.seen("server", /^connection/);
  });

  differential("Socket.IO 2 namespaces with a query, and errors", OLD, async (context) => {
    watchOld(context);
    context.io.of("/secret").use((_socket, next) => next(Object.assign(new Error("no"), { data: 1 })));
    const client = await context.websocket("A", { revision });
    for (const name of ["/chat?token=abc&x=1", "/unknown", "/secret"]) {
      client.send(`40${name}`);
      await client.until((packet) => /^4[04]\//.test(packet));
    }
    client.send("41/chat");
    await context.seen("server", /^disconnect /);
  });

  for (const transport of ["polling", "websocket"]) {
    differential(`Socket.IO 2 client over ${transport}`, OLD, async (context) => {
      watchOld(context);
      const client = io2(context.host.url, { transports: [transport], reconnection: false, forceNew: true });
      await nextEvent(client, "connect");
      for (const value of ["text", { b: Buffer.from("binary"), list: [1, null] }]) {
        context.note("client", await new Promise((resolve) => client.emit("ask", value, resolve)));
      }
      client.disconnect();
      await context.seen("server", /^disconnect /);
    });
  }
});
