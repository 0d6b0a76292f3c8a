import { fileURLToPath } from "node:url";
import type { Socket } from "socket.io-client";
import { afterEach, expect, test } from "vitest";
import { ask, CLIENTS, type Connect, WAYS } from "../../support/clients.ts";
import { startProcess } from "../../support/servers/server-process.ts";
import { nextEvent } from "../../support/waiting.ts";
import { subject } from "../../support/targets.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;
const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

/** Two workers of one primary, and the port of the primary. */
async function startWorkers(env: NodeJS.ProcessEnv): Promise<string> {
  const script = fileURLToPath(new URL("cluster-child.mjs", import.meta.url));
  const name = subject.name === "portage" ? "@portage/server" : "socket.io";
  let port = "";
  const child = { command: process.execPath, args: [script, name], env, cwd: process.cwd(), ready: "listening on" };
  ends.push(await startProcess({ ...child, onReady: (said) => (port = /listening on (\d+)/.exec(said)?.[1] ?? "") }));
  return `http://127.0.0.1:${port}`;
}

test.each([
  ["plain", {}],
  ["signed", { CLUSTER_SECRET: "secret of the cluster" }],
])("cluster-adapter and sticky sessions under node:cluster, %s", async (_what, env) => {
  const url = await startWorkers({ ...process.env, ...env });
  const clients: Socket[] = [];
  for (const way of [...Object.values(WAYS), ...Object.values(WAYS)]) {
    // The primary may learn of a session only after its client has reconnected, or lose a handshake: clients try again.
    const client = connect(url, { ...way, reconnection: true, reconnectionDelay: 20, timeout: 1000 });
    ends.push(() => client.disconnect());
    clients.push(client);
    await nextEvent(client, "connect");
  }
  const [first] = clients as [Socket];
  const pids = await Promise.all(clients.map((client) => ask<number>(client, "pid")));
  expect(new Set(pids).size).toBe(2);

  const heard = clients.map((client) => nextEvent(client, "news"));
  first.emit("broadcast", "hello", Buffer.from([1, 2]));
  for (const news of await Promise.all(heard)) expect(news).toEqual(["hello", Buffer.from([1, 2])]);
  expect(await ask(first, "count")).toBe(clients.length);
  expect(await ask(first, "others")).toEqual([...new Set(pids)].filter((pid) => pid !== pids[0]));
  clients.forEach((client, index) => client.on("answer", (done: (answer: number) => void) => done(index)));
  expect(new Set(await ask<number[]>(first, "ask"))).toEqual(new Set(clients.keys()));

  const gone = clients.map((client) => nextEvent(client, "disconnect"));
  first.emit("expel");
  await Promise.all(gone);
});
