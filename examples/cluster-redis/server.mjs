// One port, several processes: the primary hands connections to its workers, Redis carries what they have to tell
// each other.
import cluster from "node:cluster";
import { availableParallelism } from "node:os";

/** Fewer than two would be no cluster. */
const WORKERS = Number(process.env.WORKERS ?? Math.max(2, availableParallelism()));

if (cluster.isPrimary) {
  const { startPrimary } = await import("./primary.mjs");
  startPrimary(WORKERS);
} else {
  const { startWorker } = await import("./worker.mjs");
  await startWorker(process.env.REDIS_URL ?? "redis://localhost:6379");
}
