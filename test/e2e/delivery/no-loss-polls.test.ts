import type { Socket as Session } from "engine.io";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveEngine, type RunningEngine } from "../../support/servers/host.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { RawTcp } from "../../support/raw/tcp.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent, within } from "../../support/waiting.ts";

// Engine.IO has no acknowledgement of a poll's answer: the server only knows how the connection ended.

let server: RunningEngine;

beforeAll(async () => {
  server = await serveEngine(portage);
});
afterAll(() => server.stop());

interface Opened {
  readonly polling: RawPolling;
  readonly session: Session;
  readonly closed: Promise<unknown[]>;
}

async function open(): Promise<Opened> {
  const connection = nextEvent<[Session]>(server.engine, "connection");
  const polling = await RawPolling.open({ port: server.port, path: "/engine.io/" });
  const [session] = await connection;
  return { polling, session, closed: new Promise((resolve) => session.once("close", (...why) => resolve(why))) };
}

/** A poll on a connection that the client does not read. */
async function unreadPoll({ polling }: Opened): Promise<RawTcp> {
  const tcp = await RawTcp.open(server.port);
  tcp.stream.pause();
  const arrived = nextEvent(server.host.http, "request");
  await tcp.write(`GET ${polling.path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await arrived;
  return tcp;
}

/** An answer that its client does not read, on a connection that is reset then. */
async function loseAnswer(opened: Opened, length: number): Promise<void> {
  const tcp = await unreadPoll(opened);
  const flushed = nextEvent(opened.session, "drain");
  opened.session.send("lost?".padEnd(length, "x"), { compress: false });
  await flushed;
  const ended = server.host.ended(tcp.localPort);
  tcp.reset();
  await ended;
}

test("an answer that breaks off ends the session: it never goes on with a hole", async () => {
  const opened = await open();
  // More than the buffers of the network take.
  await loseAnswer(opened, 20_000_000);
  const [reason, error] = await within(opened.closed, "the session to close");
  expect(reason).toBe("transport error");
  expect(error).toMatchObject({ code: "POLL_LOST" });
  await expect(opened.polling.poll()).rejects.toThrow("poll answered 400");
});

test("a reset after a sent answer does not end the session: it may come from a proxy that has read the answer", async () => {
  const opened = await open();
  await loseAnswer(opened, 1000);
  const next = opened.polling.poll();
  opened.session.send("two");
  expect(await next).toEqual(["4two"]);
  opened.session.close();
});

test("a poll that is dropped while it waits ends the session", async () => {
  const opened = await open();
  const tcp = await unreadPoll(opened);
  tcp.reset();
  const [reason, error] = await within(opened.closed, "the session to close");
  expect(reason).toBe("transport error");
  expect(error).toMatchObject({ code: "POLL_ABORTED" });
});

test("a connection that was used again after its answer may break: the answer has been read", async () => {
  const opened = await open();
  const tcp = await RawTcp.open(server.port);
  const poll = `GET ${opened.polling.path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  await tcp.write(poll);
  opened.session.send("one");
  await tcp.until(/4one/);
  await tcp.write(`POST ${opened.polling.path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n4x`);
  await tcp.until(/ok/);
  tcp.reset();
  await server.host.ended(tcp.localPort);
  const next = opened.polling.poll();
  opened.session.send("two");
  expect(await next).toEqual(["4two"]);
  opened.session.close();
});

test("a connection that ends as it should does no harm", async () => {
  const opened = await open();
  for (const word of ["one", "two", "three"]) {
    const tcp = await RawTcp.open(server.port);
    await tcp.write(`GET ${opened.polling.path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    opened.session.send(word);
    await tcp.until(new RegExp(`4${word}`));
    tcp.end();
    await server.host.ended(tcp.localPort);
  }
  expect(opened.session.readyState).toBe("open");
  opened.session.close();
});
