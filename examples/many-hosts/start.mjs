// Three nodes on this host, as a try: each is a process with a port of its own, as it would be on a host of its own.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";

const NODES = 3;
const REDIS_URL = process.env.REDIS_URL ?? "redis://localhost:6379";
const PORT = Number(process.env.PORT ?? 3000);

/** Ends the program with a sentence if Redis does not answer. */
async function checkRedis() {
  const redis = new Redis(REDIS_URL, { lazyConnect: true, retryStrategy: () => null });
  let cause;
  redis.on("error", (error) => (cause ??= error));
  try {
    await redis.connect();
  } catch (error) {
    console.error(`Redis does not answer (${cause?.code ?? error.message}). This example needs one; its address is REDIS_URL, or else
redis://localhost:6379. To get one:

  docker run --rm -p 6379:6379 redis       with Docker
  apt install redis-server                 on Debian and Ubuntu
  brew install redis && redis-server       on macOS`);
    process.exit(1);
  } finally {
    redis.disconnect();
  }
}

await checkRedis();

const server = fileURLToPath(new URL("server.mjs", import.meta.url));
const nodes = Array.from({ length: NODES }, (_, index) => {
  const env = { ...process.env, REDIS_URL, PORT: String(PORT === 0 ? 0 : PORT + index) };
  return fork(server, { env });
});

for (const node of nodes) {
  node.on("exit", (code, signal) => console.log(`node ${node.pid} has ended: ${signal ?? code}`));
}

// A terminal sends SIGINT to the nodes as well.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {
  for (const node of nodes) node.kill("SIGTERM");
});
