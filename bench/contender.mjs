// A server process that is measured, on a core of its own, and the questions it answers.
import { fork, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Binds a process to a core; false where that can't be done. */
function pin(pid, core) {
  return spawnSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" }).status === 0;
}

/** Whether the load generator, which is this process, and the servers each have a core. */
export const isPinned = availableParallelism() > 1 && pin(process.pid, 1);

/** Gives a server its core: it has begun on that of this process. */
export function pinServer(pid) {
  if (isPinned) pin(pid, 0);
}

/** Profiles of the servers are written there, when set: a directory for each contender. */
const profiles = process.env.BENCH_PROFILE;

const SCRIPTS = { "socket.io": "io", portage: "io" };

export class Contender {
  /**
   * @param options of the server, beside those it always has
   * @param folder where the server's program is: it gets the packages that are installed there
   */
  constructor(name, options = {}, folder = here(".")) {
    this.name = name;
    const script = join(folder, `servers/${SCRIPTS[name] ?? "floor"}.mjs`);
    const profiling = profiles ? ["--cpu-prof", "--cpu-prof-dir", join(profiles, name)] : [];
    const execArgv = ["--expose-gc", "--max-old-space-size=4096", ...profiling];
    this.process = fork(script, [name, JSON.stringify(options)], { execArgv });
  }

  async start() {
    this.port = await this.#answer("ready");
    pinServer(this.process.pid);
    return this;
  }

  /** Has the server do something, or tell something about itself. */
  ask(question, value) {
    this.process.send({ question, value });
    return this.#answer(question);
  }

  #answer(expected) {
    return new Promise((resolve, reject) => {
      const onExit = (code) => reject(new Error(`${this.name} ended with ${code}`));
      const onMessage = ({ question, answer }) => {
        if (question !== expected) return;
        this.process.off("message", onMessage);
        this.process.off("exit", onExit);
        resolve(answer);
      };
      this.process.on("message", onMessage);
      this.process.on("exit", onExit);
    });
  }

  stop() {
    return new Promise((resolve) => {
      this.process.once("exit", resolve);
      // A profile is written by a process that ends by itself.
      if (profiles) this.process.disconnect();
      else this.process.kill("SIGKILL");
    });
  }
}

/** Microseconds of server CPU for each operation: `value` is user and system, `user` the user part alone. */
export async function cpuOf(contender, operations, work) {
  const before = await contender.ask("cpu");
  await work();
  const after = await contender.ask("cpu");
  return { value: (after.total - before.total) / operations, user: (after.user - before.user) / operations };
}

/** How long a server works before it is measured, in milliseconds: one that has run for a while is what counts. */
export const WARM_UP = 3000;

/** The same, after `work` has been done for a while to warm up. */
export async function cpuPer(contender, operations, work) {
  const warm = performance.now() + WARM_UP;
  do await work();
  while (performance.now() < warm);
  return cpuOf(contender, operations, work);
}
