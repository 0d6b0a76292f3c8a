// A primary of node:cluster that passes sockets, and two workers on one port, as one contender: figures are sums.
import cluster from "node:cluster";
import { fileURLToPath } from "node:url";
import { setupPrimary } from "@portage/cluster";

const exec = fileURLToPath(new URL("cluster.mjs", import.meta.url));
cluster.setupPrimary({ exec, args: process.argv.slice(2), execArgv: process.execArgv });
setupPrimary();

/** How the answers of the workers become one. */
const join = {
  ready: ([port]) => port,
  nodes: (counts) => Math.min(...counts),
  pids: (pids) => pids,
  sessions: (counts) => counts,
  tunnels: (counts) => counts.reduce((sum, count) => sum + count),
  cpu(figures) {
    const own = process.cpuUsage();
    const sum = (name) => figures.reduce((total, figure) => total + figure[name], 0);
    return { user: sum("user") + own.user, total: sum("total") + own.user + own.system };
  },
};

const answers = {};
const workers = Array.from({ length: 2 }, () => cluster.fork());
for (const worker of workers) {
  worker.on("message", ({ question, answer }) => {
    if (!Object.hasOwn(join, question)) return;
    const all = (answers[question] ??= []);
    all.push(answer);
    if (all.length < workers.length) return;
    delete answers[question];
    process.send({ question, answer: join[question](all) });
  });
}
process.on("message", (message) => workers.forEach((worker) => worker.send(message)));
process.on("disconnect", () => process.exit());
