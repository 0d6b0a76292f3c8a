import { execFile } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveEngine, type RunningEngine } from "../../support/servers/host.ts";
import { subject } from "../../support/targets.ts";

// It runs the build, as its process does not transpile: `npm test` builds first.
const child = fileURLToPath(new URL("./engine-child.mjs", import.meta.url));
let server: RunningEngine;
/** Accepts connections and stays silent. */
const silent = createServer((socket) => socket.on("error", () => {}));

beforeAll(async () => {
  server = await serveEngine(subject);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await server.stop();
  silent.close();
});

test.each([
  "polling",
  "websocket",
  "upgraded",
  "upgrading",
  "auto-unref",
  "auto-unref polling",
  "auto-unref websocket",
  "auto-unref polling, no answer",
  "auto-unref websocket, no answer",
  "faked timers polling",
  "faked timers websocket",
  "faked timers upgraded",
])("nothing keeps the process alive: %s", async (mode) => {
  const { port } = mode.endsWith("no answer") ? (silent.address() as AddressInfo) : server;
  const url = `http://127.0.0.1:${port}`;
  const { stdout } = await promisify(execFile)(process.execPath, [child, url, mode], { timeout: 15_000 });
  expect(stdout).toBe("reached\n");
});
