// Accepts connections, and passes all connections of a session to the same worker, as long-polling needs.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { setupPrimary } from "@socket.io/sticky";

export function startPrimary(workers) {
  // Connections are sent with their first bytes, which JSON would corrupt.
  cluster.setupPrimary({ serialization: "advanced" });
  const http = createServer();
  setupPrimary(http, { loadBalancingMethod: "round-robin" });
  let isEnding = false;
  let ready = 0;

  cluster.on("message", (_worker, message) => {
    if (message !== "ready" || ++ready !== workers) return;
    http.listen(Number(process.env.PORT ?? 3000), () => {
      console.log(`${workers} workers: http://localhost:${http.address().port}`);
    });
  });

  cluster.on("exit", (worker, code) => {
    if (isEnding) return;
    // A worker that failed to start would fail again.
    if (ready < workers) throw new Error(`Worker ${worker.id} ended with ${code} before it was ready.`);
    console.log(`Worker ${worker.id} is gone, another one takes its place.`);
    cluster.fork();
  });

  for (let index = 0; index < workers; index++) cluster.fork();

  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      isEnding = true;
      http.close();
      for (const worker of Object.values(cluster.workers)) worker.send("stop");
    });
  }
}
