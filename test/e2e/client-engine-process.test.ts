import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveEngine, type RunningEngine } from "../support/host.ts";
import { subject } from "../support/targets.ts";

// It runs what is built, as nobody transpiles for it: `npm test` builds first.
const child = fileURLToPath(new URL("./client-engine-child.mjs", import.meta.url));
let server: RunningEngine;

beforeAll(async () => {
  server = await serveEngine(subject);
});
afterAll(() => server.stop());

test.each([
  "polling",
  "websocket",
  "upgraded",
  "upgrading",
  "auto-unref",
  "auto-unref polling",
  "auto-unref websocket",
  "faked timers polling",
  "faked timers websocket",
  "faked timers upgraded",
])("nothing keeps the process alive: %s", async (mode) => {
  const url = `http://127.0.0.1:${server.port}`;
  const { stdout } = await promisify(execFile)(process.execPath, [child, url, mode], { timeout: 15_000 });
  expect(stdout).toBe("reached\n");
});
