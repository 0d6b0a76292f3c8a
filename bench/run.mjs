// Server CPU per operation, Portage beside socket.io, interleaved in one run.
//
//   npm run bench                 all scenarios
//   npm run bench -- echo rooms   only those
//   npm run bench -- websocket    @portage/websocket beside ws
//
// Each contender is a process of its own; the load comes from this one, over loopback, with prepared frames, so that the
// server is what is measured. Figures are the server's user + system time as the operating system accounts for it.
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { scenarios } from "./scenarios.mjs";

const CONTENDERS = ["socket.io", "portage"];
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A server process and the questions it answers. */
class Contender {
  constructor(name) {
    this.name = name;
    this.process = fork(here("server.mjs"), [name], { execArgv: ["--expose-gc"] });
  }

  async start() {
    this.port = await this.#answer("ready");
    return this;
  }

  /** Has the server do something, or tell something about itself. */
  ask(question, value) {
    this.process.send({ question, value });
    return this.#answer(question);
  }

  async #answer(expected) {
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

  async stop() {
    this.process.removeAllListeners("exit");
    this.process.kill();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function measure(scenario) {
  const results = Object.fromEntries(CONTENDERS.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of CONTENDERS) {
      const contender = await new Contender(name).start();
      try {
        results[name].push(await scenario.run(contender));
      } finally {
        await contender.stop();
      }
    }
  }
  const figures = Object.fromEntries(CONTENDERS.map((name) => [name, median(results[name])]));
  return { ...figures, ratio: figures.portage / figures["socket.io"] };
}

const wanted = process.argv.slice(2);
if (wanted[0] === "websocket") {
  process.argv.splice(2, 1);
  await import("./websocket.mjs");
  process.exit();
}
const chosen = Object.entries(scenarios).filter(([name]) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) {
  console.error(`no such scenario; there are: ${Object.keys(scenarios).join(", ")}`);
  process.exit(1);
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, medians of ${ROUNDS} rounds\n`);
console.log(`${"scenario".padEnd(44)}${"socket.io".padStart(12)}${"portage".padStart(12)}${"ratio".padStart(8)}  unit`);
const report = { node: process.version, cpu: cpus()[0]?.model, rounds: ROUNDS, rows: {} };
for (const [name, scenario] of chosen) {
  const row = await measure(scenario);
  report.rows[name] = { ...row, unit: scenario.unit };
  const cells = [row["socket.io"], row.portage, row.ratio].map((value) => value.toFixed(2));
  console.log(
    `${scenario.title.padEnd(44)}${cells[0].padStart(12)}${cells[1].padStart(12)}${cells[2].padStart(8)}  ${scenario.unit}`,
  );
}
mkdirSync(here("results"), { recursive: true });
writeFileSync(here("results/latest.json"), `${JSON.stringify(report, undefined, 2)}\n`);
