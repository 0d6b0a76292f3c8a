// A measured server process on its own core, and the requests that it answers.
import { fork, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Binds a process to a core; returns false if that fails. */
function pin(pid, core) {
  return spawnSync("taskset", ["-a", "-c", "-p", String(core), String(pid)], { stdio: "ignore" }).status === 0;
}

/** Whether the load generator (this process) and the servers have a core each. */
export const isPinned = availableParallelism() > 1 && pin(process.pid, 1);

/** Moves a server to its core, from the core of this process. */
export function pinServer(pid) {
  if (isPinned) pin(pid, 0);
}

/** If set, the directory for profiles of the servers, with a folder per contender. */
const profiles = process.env.BENCH_PROFILE;

const SCRIPTS = { "socket.io": "io", portage: "io", cluster: "cluster", primary: "cluster-primary", redis: "redis" };

export class Contender {
  /**
   * @param options further options of the server
   * @param folder folder of the server's program, which decides the packages that it loads
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

  /** Sends a request to the server process, and returns the answer. */
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
      // Node writes the profile only if the process exits by itself.
      if (profiles) this.process.disconnect();
      else this.process.kill("SIGKILL");
    });
  }
}

/** Processes that are measured together. */
export class Together {
  constructor(all) {
    this.all = all;
  }

  async ask(question) {
    const answers = await Promise.all(this.all.map((one) => one.ask(question)));
    const sum = (name) => answers.reduce((total, answer) => total + answer[name], 0);
    return { user: sum("user"), total: sum("total") };
  }
}

/** Measures microseconds of server CPU per operation: `value` is user and system, `user` the user part alone. */
export async function cpuOf(contender, operations, work) {
  const before = await contender.ask("cpu");
  await work();
  const after = await contender.ask("cpu");
  return { value: (after.total - before.total) / operations, user: (after.user - before.user) / operations };
}

/** Milliseconds of warm-up before a measurement. */
export const WARM_UP = 3000;

/** The same, after a warm-up with `work`. */
export async function cpuPer(contender, operations, work) {
  const warm = performance.now() + WARM_UP;
  do await work();
  while (performance.now() < warm);
  return cpuOf(contender, operations, work);
}
