import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { Inbox, within } from "../support/waiting.ts";
import { findRuntime, node, type Runtime } from "./runtimes.ts";

// The built server and client on Bun and Deno: each beside Node, and beside itself.

const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A program on a runtime, and the lines that it prints. */
class Running {
  readonly child: ChildProcess;
  readonly lines = new Inbox<string>("a line of a program");
  readonly exited: Promise<number | null>;
  #complaints = "";

  constructor({ command, args }: Runtime, ...file: string[]) {
    this.child = spawn(command, [...args, ...file], { stdio: ["pipe", "pipe", "pipe"] });
    this.exited = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
    createInterface(this.child.stdout!).on("line", (line) => this.lines.push(line));
    this.child.stderr!.on("data", (chunk: Buffer) => (this.#complaints += chunk.toString()));
  }

  async json(): Promise<{ port?: number; runtime?: string; step?: string; result?: unknown; error?: string }> {
    const early = this.exited.then((code) => Promise.reject(new Error(`ended with ${code}: ${this.#complaints}`)));
    const line = await Promise.race([this.lines.next(), early]);
    return JSON.parse(line) as { port?: number };
  }
}

const running: Running[] = [];
afterEach(async () => {
  for (const { child, exited } of running.splice(0)) {
    child.kill("SIGKILL");
    await exited;
  }
});

function start(runtime: Runtime, ...file: string[]): Running {
  const started = new Running(runtime, ...file);
  running.push(started);
  return started;
}

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
