import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { within } from "../support/waiting.ts";
import { start, stopAll } from "./running.ts";
import { findRuntime, node, type Runtime } from "./runtimes.ts";

// The built server and client on Bun and Deno: each beside Node, and beside itself.

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

afterEach(stopAll);

const DONE = ["text ✓", true, true];
const EXPECTED = {
  polling: ["polling", ...DONE],
  websocket: ["websocket", ...DONE],
  upgrade: ["websocket", "after"],
  deflate: ["permessage-deflate", true],
  broadcast: 100,
  garbage: "still there",
  closing: ["transport close", "transport close"],
};

async function runSteps(serverOn: Runtime, clientOn: Runtime): Promise<Record<string, unknown>> {
  const server = start(serverOn, program("server-program.cjs"));
  const { port, runtime } = await server.json();
  expect(runtime).toBe(serverOn.name);
  const client = start(clientOn, program("client-program.mjs"), String(port));
  const results: Record<string, unknown> = {};
  while (results["closing"] === undefined) {
    const { step = "", result, error } = await client.json();
    if (step === "connected") server.child.stdin!.write("close\n");
    else results[step] = error ?? result;
  }
  expect(await within(server.lines.next(), "io.close() to resolve")).toBe("closed");
  expect(await within(server.exited, "the server to end")).toBe(0);
  return results;
}

describe.each(["bun", "deno"] as const)("%s", async (name) => {
  const runtime = await findRuntime(name);

  test.skipIf(!runtime).each([
    ["the server", "a client on Node", () => [runtime!, node] as const],
    ["the client", "a server on Node", () => [node, runtime!] as const],
    ["both", "each other", () => [runtime!, runtime!] as const],
  ])("runs %s, with %s", async (_what, _with, sides) => {
    const [serverOn, clientOn] = sides();
    expect(await runSteps(serverOn, clientOn)).toEqual({ ...EXPECTED, runtime: clientOn.name });
  });
});
