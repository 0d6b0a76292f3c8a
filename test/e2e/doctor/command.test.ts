import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { freePort } from "../../support/servers/server-process.ts";
import { subject } from "../../support/targets.ts";

const manifest = createRequire(import.meta.url).resolve("@portage/server/package.json");
const { bin } = createRequire(import.meta.url)(manifest) as { bin: Record<string, string> };
const program = join(dirname(manifest), bin["portage-doctor"] as string);

let running: Running;
beforeAll(async () => {
  running = await serve(subject);
});
afterAll(() => running.stop());

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the built command. */
function doctor(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { timeout: 15_000 }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

test("all is well: 0", async () => {
  const { code, out, err } = await doctor("--quick", running.url);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^http:\/\/127[^\n]*path \/socket\.io\/\n\nok {3}127[\s\S]*\n\nAll is well: .*\n$/);
});

test("with limitations: 1, and the fix", async () => {
  const { code, out } = await doctor("--quick", "--origin", "https://a.example/", running.url);
  expect(code).toBe(1);
  expect(out).toMatch(/! .*https:\/\/a\.example.* \[CORS_MISSING\]\n +server: new Server\(.*"https:\/\/a\.example"/);
});

test("no server: 2, with and without a scheme", async () => {
  const port = await freePort();
  for (const url of [`http://127.0.0.1:${port}`, `127.0.0.1:${port}`]) {
    const { code, out } = await doctor("--quick", url);
    expect(code).toBe(2);
    expect(out).toMatch(/FAIL .*\[TCP_REFUSED\][\s\S]*Clients cannot connect\.\n$/);
  }
});

test("--json", async () => {
  const { out } = await doctor("--idle", "0.05", "--timeout", "5", "--header", "X-A: b:c", "--json", running.url);
  const diagnosis = JSON.parse(out) as { verdict: string; steps: { name: string; findings: unknown[] }[] };
  expect(diagnosis.verdict).toBe("fine");
  expect(diagnosis.steps.at(-1)).toMatchObject({ name: "quiet", findings: [{ code: "HELD_OK", level: "ok" }] });
});

test("--help", async () => {
  expect(await doctor("--help")).toMatchObject({ code: 0, out: expect.stringMatching(/^usage: portage-doctor /) });
});

test.each([
  ["no URL", [], "Exactly one URL"],
  ["two URLs", ["a", "b"], "Exactly one URL"],
  ["an unknown option", ["--fast", "a"], "--fast"],
  ["a header without a colon", ["--header", "x", "a"], '"x"'],
  ["a time that is none", ["--timeout", "soon", "a"], "--timeout takes seconds"],
  ["not a web server", ["ftp://a"], "Not an address of a web server"],
  ["not a URL", ["http://"], "Invalid URL"],
])("%s: 2, and how to use it", async (_name, args, message) => {
  const { code, err, out } = await doctor(...args);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(message);
  expect(err).toContain("usage: ");
});
