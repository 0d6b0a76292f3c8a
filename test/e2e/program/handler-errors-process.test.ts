import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { within } from "../../support/waiting.ts";

describe("failures without a hook", () => {
  const program = fileURLToPath(new URL("handler-errors-program.mjs", import.meta.url));

  interface Run {
    readonly output: string;
    readonly code: number | null;
  }

  /** Runs a server that fails in every way, and a client that goes on after each. */
  async function run(setting: string): Promise<Run> {
    const child = spawn(process.execPath, [program, setting], {
      env: { ...process.env, NODE_OPTIONS: "--no-warnings" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    const [code] = (await within(once(child, "close"), () => `the program to end: ${output}`, 15_000)) as [
      number | null,
    ];
    return { output, code };
  }

  test("failures are printed with their stack, and the process lives", async () => {
    const { output, code } = await run("nothing");
    expect(output).toContain("served to the end");
    expect(code).toBe(0);
    for (const what of ['listener of "throw"', 'listener of "reject"', "allowRequest", "namespace middleware"]) {
      expect(output).toContain(`@portage/server: failure in ${what}: Error: `);
    }
    expect(output).toContain("handler-errors-program.mjs");
  });

  test("a process with handlers of uncaught errors gets them, as with socket.io", async () => {
    const { output, code } = await run("process");
    expect(output).toContain("served to the end");
    expect(code).toBe(0);
    expect(output).toContain("uncaughtException throw");
    expect(output).toContain("unhandledRejection reject");
    expect(output).not.toContain("@portage/server");
  });
});
