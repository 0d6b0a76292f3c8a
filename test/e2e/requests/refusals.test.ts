import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { RawPolling } from "../../support/raw/polling.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

interface Refusal {
  code: number;
  message: string;
  context: object;
  hint: string | undefined;
  fix: string | undefined;
}

let server: Running;
let refusals: Refusal[];

beforeEach(async () => {
  refusals = [];
  server = await serve(portage, { transports: ["polling"] });
  server.io.engine.on("connection_error", (refusal: Refusal) => refusals.push(refusal));
});
afterEach(() => server.stop());

describe("a refusal", () => {
  test.each([
    ["revision 3", "EIO=3&transport=polling", 5, "Unsupported protocol version", { protocol: 3 }, /allowEIO3/],
    ["an unknown session", "EIO=4&transport=polling&sid=gone", 1, "Session ID unknown", { sid: "gone" }, /cluster/],
    ["a transport", "EIO=4&transport=websocket", 0, "Transport unknown", { transport: "websocket" }, /`transports`/],
  ] as const)("of %s tells who runs the server what to do, and the peer nothing more than ever", async (...row) => {
    const [, query, code, message, context, hint] = row;
    const { status, text } = await call({ port: server.port, path: `/socket.io/?${query}` });
    expect([status, text]).toEqual([400, JSON.stringify({ code, message })]);
    expect(refusals).toEqual([expect.objectContaining({ code, message, context })]);
    expect(refusals[0]?.hint).toMatch(hint);
    expect(refusals[0]?.fix).toMatch(/\w/);
  });
});

describe("a POST that is too large", () => {
  const bodies = [
    ["announced", "x".repeat(1_000_001)],
    ["not announced", ["x".repeat(500_000), "x".repeat(500_000), "x"]],
  ] as const;
  test.each(bodies)("reaches connection_error listeners, %s", async (_name, body) => {
    const client = await RawPolling.open({ port: server.port });
    await client.post("40");
    await client.until((packet) => packet.startsWith("40"));
    const socket = [...server.io.sockets.sockets.values()][0]!;
    const left = nextEvent(socket, "disconnect");
    const poll = client.beginPoll();
    await poll.arrived;
    const reply = await client.postBody(body).catch((error: Error) => error);
    if (!(reply instanceof Error)) expect(reply.status).toBe(413);
    expect(refusals).toEqual([
      expect.objectContaining({ name: "PAYLOAD_TOO_LARGE", code: 8, message: "Payload too large" }),
    ]);
    expect(refusals[0]?.context).toMatchObject({ limit: 1e6, sid: client.sid });
    // A client gives up after its message was refused.
    poll.abort();
    expect((await left)[0]).toBe("transport error");
    const { code, limit, actual } = (socket as unknown as { closeReason: Record<string, unknown> }).closeReason;
    expect([code, limit, actual]).toEqual(["PAYLOAD_TOO_LARGE", 1e6, 1_000_001]);
  });
});

test.each(["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])(
  "%s to a session is answered with 405 and Allow",
  async (method) => {
    const client = await RawPolling.open({ port: server.port });
    const { status, headers } = await call({ port: server.port, path: client.path, method });
    expect([status, headers.allow]).toEqual([405, "GET, POST"]);
    // The session goes on.
    expect((await client.post("40")).text).toBe("ok");
  },
);

test("answers of JSONP can't be read as another content type", async () => {
  const { headers } = await call({ port: server.port, path: "/socket.io/?EIO=4&transport=polling&j=0" });
  expect(headers["x-content-type-options"]).toBe("nosniff");
});
