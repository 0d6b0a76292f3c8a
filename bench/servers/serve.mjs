// Shared by all contenders: listens, and answers the requests of the parent process.
const common = {
  cpu() {
    const { user, system } = process.cpuUsage();
    return { user, total: user + system };
  },
  memory() {
    globalThis.gc();
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    return { heap: heapUsed + external, rss };
  },
};

export function serve(server, actions) {
  const all = { ...common, ...actions };
  process.on("message", async ({ question, value }) => {
    // A primary that passes sockets sends messages of its own.
    if (question !== undefined) process.send({ question, answer: await all[question](value) });
  });
  process.on("disconnect", () => process.exit());
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
    process.send({ question: "ready", answer: server.address().port });
  });
}

/** Calls `turn` `count` times, each in a separate tick of the event loop. */
export function turns(count, turn) {
  return new Promise((resolve) => {
    let done = 0;
    const next = () => {
      if (done === count) return resolve();
      turn(done);
      done += 1;
      setImmediate(next);
    };
    next();
  });
}

/** Calls `turn` like `turns`, and returns the largest growth of resident memory in bytes. */
export async function growth(count, turn) {
  globalThis.gc();
  const before = process.memoryUsage.rss();
  let most = before;
  await turns(count, (index) => {
    turn(index);
    most = Math.max(most, process.memoryUsage.rss());
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  return Math.max(most, process.memoryUsage.rss()) - before;
}
