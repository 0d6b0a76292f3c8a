// One port, several processes: the primary passes connections to its workers, which exchange messages through
// Redis.
import cluster from "node:cluster";
import { availableParallelism } from "node:os";

/** Number of workers. Default: one per core, at least two. */
const WORKERS = Number(process.env.WORKERS ?? Math.max(2, availableParallelism()));

if (cluster.isPrimary) {
  const { startPrimary } = await import("./primary.mjs");
  startPrimary(WORKERS);
} else {
  const { startWorker } = await import("./worker.mjs");
  await startWorker(process.env.REDIS_URL ?? "redis://localhost:6379");
}
