import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Running, serve } from "../support/host.ts";
import { call } from "../support/raw-http.ts";
import { portage } from "../support/targets.ts";

interface Refusal {
  code: number;
  message: string;
  context: object;
  hint: string | undefined;
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
    ["an unknown session", "EIO=4&transport=polling&sid=gone", 1, "Session ID unknown", { sid: "gone" }, /sticky/],
    ["a transport", "EIO=4&transport=websocket", 0, "Transport unknown", { transport: "websocket" }, /`transports`/],
  ] as const)("of %s tells who runs the server what to do, and the peer nothing more than ever", async (...row) => {
    const [, query, code, message, context, hint] = row;
    const { status, text } = await call({ port: server.port, path: `/socket.io/?${query}` });
    expect([status, text]).toEqual([400, JSON.stringify({ code, message })]);
    expect(refusals).toEqual([expect.objectContaining({ code, message, context })]);
    expect(refusals[0]?.hint).toMatch(hint);
  });
});
