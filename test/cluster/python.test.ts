import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findProgram } from "../support/servers/debian-program.ts";
import { missing } from "../support/servers/server-process.ts";
import { BALANCERS } from "./balancers.ts";
import { complaintsAbout, leftAt } from "./checker.ts";
import type { SessionReport } from "./load.ts";
import { by, PATIENT, say, SEED } from "./run.ts";
import { siteBehind, tidyUp } from "./site.ts";

// The client of another language, which shares no code with the others.

tidyUp();

const run = promisify(execFile);
const balancer = BALANCERS.find(({ name }) => name === "haproxy random")!;

interface Python {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Finds Python, and its packages at Debian. */
async function findPython(): Promise<Python | undefined> {
  const names = [
    "socketio",
    "engineio",
    "bidict",
    "requests",
    "urllib3",
    "chardet",
    "idna",
    "certifi",
    "websocket",
    "six",
  ];
  const packages = names.map((name) => `python3-${name}`);
  try {
    await run("python3", ["--version"]);
    const path = "usr/lib/python3/dist-packages/socketio/__init__.py";
    const found = await findProgram({ name: "python-socketio", packages, path });
    return { command: "python3", env: { ...process.env, PYTHONPATH: dirname(dirname(found.command)) } };
  } catch (error) {
    return missing("python-socketio", String(error));
  }
}

const sessions = by({ short: 0, medium: 30, long: 60 });
const python = sessions > 0 ? await findPython() : undefined;

test.skipIf(!python || !balancer.program)("python-socketio before four nodes", PATIENT, async () => {
  const { nodes, urls } = await siteBehind(balancer, { count: 4 });
  const program = fileURLToPath(new URL("python-program.py", import.meta.url));
  const args = [program, urls[0]!, sessions, 10, SEED].map(String);
  const { stdout } = await run(python!.command, args, { env: python!.env, timeout: 300_000, maxBuffer: 1e8 });
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SessionReport | { statuses: object });
  const reports = lines.filter((line): line is SessionReport => "kind" in line);
  const [answers] = lines.filter((line) => "statuses" in line);
  say(`${sessions} sessions of python-socketio`, answers);
  expect(reports.length).toBe(sessions);
  expect(complaintsAbout(reports)).toEqual({});
  expect(answers).toEqual({ statuses: { 200: expect.any(Number) } });
  expect(await leftAt(nodes)).toEqual([]);
});
