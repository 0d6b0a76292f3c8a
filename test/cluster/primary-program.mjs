// A bare primary of node:cluster: its workers run node-program.mjs, and share one port. It passes messages on,
// and sockets if it is to.
import cluster from "node:cluster";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const { workers, passes, ...plan } = JSON.parse(process.env.NODE_PLAN);
cluster.setupPrimary({ exec: fileURLToPath(new URL("node-program.mjs", import.meta.url)), execArgv: ["--expose-gc"] });

if (passes) createRequire(import.meta.url)("@portage/cluster").setupPrimary();

let started = 0;

// All of them get the same port, also if any port will do.
const all = Array.from({ length: workers }, (_, worker) => {
  const child = cluster.fork({ NODE_PLAN: JSON.stringify(plan) });
  child.on("message", (message) => {
    // Workers talk to the primary as well.
    if (!("answer" in message || "error" in message)) return;
    if (message.id !== 0) process.send({ ...message, worker });
    else if ((started += 1) === workers) process.send(message);
  });
  return child;
});

process.on("message", ({ worker, ...message }) => {
  if (worker === undefined) process.send({ id: message.id, answer: all.map(({ process: { pid } }) => pid) });
  else if (all[worker].isConnected()) all[worker].send(message);
  else process.send({ id: message.id, error: "the worker has ended" });
});
process.on("disconnect", () => process.exit());
