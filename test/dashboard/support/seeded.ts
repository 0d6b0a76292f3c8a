import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "../../support/waiting.ts";
import { FAULTS } from "../seeded/faults.mjs";

/** A server with a fault, and its clients, in processes of their own. */
export interface SeededRun {
  /** The address of the page. */
  readonly url: string;
  stop(): Promise<void>;
}

const PATIENCE = 30_000;

async function start(script: string, args: readonly string[], ready: RegExp, children: ChildProcess[]) {
  const file = fileURLToPath(new URL(`../seeded/${script}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said = once(child.stdout, "data").then(([chunk]) => ready.exec(String(chunk))?.[1] ?? "");
  return within(said, `${script} ${args.join(" ")}`, PATIENCE);
}

/** Starts a fault. Needs built packages. */
export async function startSeeded(fault: string, variant: number): Promise<SeededRun> {
  const children: ChildProcess[] = [];
  const args = [fault, String(variant)];
  const ports: string[] = [];
  for (let i = 0; i < (FAULTS[fault]?.servers?.[variant - 1] ?? 1); i++)
    ports.push(await start("server-program.mjs", args, /port (\d+)/, children));
  await start("crowd-program.mjs", [...args, ...ports], /(crowd)/, children);
  return {
    url: `http://127.0.0.1:${ports[0]}/dashboard/`,
    async stop() {
      const ends = children.map(async (child) => {
        const end = once(child, "close");
        if (child.kill("SIGKILL")) await end;
      });
      await Promise.all(ends);
    },
  };
}
