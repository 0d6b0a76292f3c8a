import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Socket } from "socket.io";
import { Bystander } from "../../support/bystander.ts";
import { serve, type Running } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { subject } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";
import { badInputServer, joinPolling, joinWebSocket } from "./server.ts";

const server = badInputServer({ maxHttpBufferSize: 1e6 });

/** Sends one packet; the server repeats it, refuses it or closes, but lives. */
async function survives(packet: string, attachments: readonly Buffer[] = []): Promise<void> {
  const client = await joinWebSocket(server);
  client.send(packet);
  for (const attachment of attachments) client.send(attachment);
  client.send('42["still here?"]');
  const answer = client.until((message) => message.includes("still here?")).catch(() => undefined);
  await within(Promise.race([answer, client.closed]), "an answer or the end");
  client.cut();
}

describe("packets that are deep, wide or odd", () => {
  test.each([1_000, 20_000, 400_000])("arrays nested %i deep", (depth) =>
    survives(`42["x",${"[".repeat(depth)}${"]".repeat(depth)}]`),
  );
  test.each([1_000, 100_000])("objects nested %i deep", (depth) =>
    survives(`42["x",${'{"a":'.repeat(depth)}1${"}".repeat(depth)}]`),
  );
  test("400,000 arguments", () => survives(`42["x"${",1".repeat(400_000)}]`));
  test("an ack with 400,000 arguments", () => survives(`430[1${",1".repeat(400_000)}]`));
  test("an event that asks for an ack, with 400,000 arguments", () => survives(`421["x"${",1".repeat(400_000)}]`));
  test("a name of 900,000 characters", () => survives(`42["${"x".repeat(900_000)}"]`));
  test("a namespace of 900,000 characters", () => survives(`40/${"x".repeat(900_000)}`));
  test("an ack id of 900,000 digits", () => survives(`42${"9".repeat(900_000)}["x"]`));
  test("nested placeholders", () =>
    survives(`451-["x",${'{"a":'.repeat(20_000)}{"_placeholder":true,"num":0}${"}".repeat(20_000)}]`, [
      Buffer.from("x"),
    ]));
  test("more attachments than are allowed", () => survives("451000000-[]"));
  test("numbers that overflow to infinity", () => survives('42["x",1e999,-1e999,1e-999]'));
});

describe("thousands of small packets", () => {
  const payloads: [string, string, number][] = [
    ["pongs", "3", 200_000],
    ["noops", "6", 200_000],
    ["events", '42["x"]', 20_000],
    ["connects to unknown namespaces", "40/x", 20_000],
    ["empty messages", "4", 20_000],
    ["garbage", "9", 100_000],
  ];
  test.each(payloads)("%s in one POST", async (_name, packet, count) => {
    const client = await joinPolling(server);
    const reply = await client.postBody(Array.from({ length: count }, () => packet).join("\u001e"));
    expect([200, 400, 413]).toContain(reply.status);
    await client.post("1");
  });

  test("20,000 events over WebSocket are all repeated, in order", async () => {
    const client = await joinWebSocket(server);
    for (let index = 0; index < 20_000; index++) client.send(`42["x",${index}]`);
    for (let index = 0; index < 20_000; index++) expect(await client.next()).toBe(`42["x",${index}]`);
    await client.close();
  });
});

describe("listeners that call back", () => {
  let running: Running;
  let bystander: Bystander;

  beforeAll(async () => {
    running = await serve(subject, { path: "/" });
    running.io.on("connection", (socket: Socket) => {
      socket.on("leave", () => {
        socket.on("disconnecting", () => socket.conn.close());
        socket.on("disconnect", () => socket.disconnect(true));
        socket.disconnect();
      });
    });
    bystander = await Bystander.join(running.io, running.url.concat("/"));
  });
  afterAll(async () => {
    bystander.leave();
    await running.stop();
  });

  test("a path of one slash, and requests for two", async () => {
    for (const path of [
      "//",
      "//?EIO=4&transport=polling",
      "///",
      "//a:b",
      "/\\",
      "/?EIO=4&transport=polling&sid=//",
    ]) {
      const tcp = await RawTcp.open(running.port);
      await tcp.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(await tcp.ended()).toMatch(/^HTTP\/1\.1 [24]\d\d /);
    }
    await bystander.check();
  });

  test("a socket that is disconnected while it disconnects", async () => {
    const client = await RawPolling.open({ port: running.port, path: "/" });
    await client.post("40");
    await client.until((packet) => packet.startsWith("40"));
    const [socket] = running.io.of("/").sockets.values() as unknown as [Socket];
    const closed = nextEvent(
      running.io.of("/").sockets.get([...running.io.of("/").sockets.keys()].at(-1) as string) ?? socket,
      "disconnect",
    );
    const reading = client.until((packet) => packet.startsWith("1")).catch(() => undefined);
    await client.post('42["leave"]');
    await Promise.all([closed, reading]);
    await bystander.check();
  });
});
