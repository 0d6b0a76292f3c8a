import { localCluster } from "@portage/cluster";
import { expect, test } from "vitest";
import { clientOf, eventually, startCluster } from "../../support/servers/cluster.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

test("a client that reconnects to another process resumes its session, with what all have sent meanwhile", async () => {
  const name = `recovery-${process.pid}`;
  const end = (): Promise<void> => Promise.resolve();
  const bus = { adapter: () => Promise.resolve({ options: { cluster: localCluster({ name }) }, end }) };
  const cluster = await startCluster(bus, [portage, portage], { connectionStateRecovery: {} });
  const [one, two] = cluster.nodes;
  const client = await clientOf(one.url, { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 20 });
  const heard: unknown[][] = [];
  client.onAny((...args: unknown[]) => heard.push(args));
  one.io.in(client.id!).socketsJoin("red");
  const first = nextEvent(client, "first");
  two.io.emit("first");
  await first;

  const [id, gone] = [client.id, nextEvent(client, "disconnect")];
  Object.assign(client.io, { uri: two.url });
  const back = nextEvent(client, "connect");
  client.io.engine.close();
  await gone;
  one.io.to("red").emit("missed", 1, Buffer.from("b"));
  two.io.to("red").emit("missed", 2);
  two.io.to("blue").emit("not for it");
  await back;
  expect([client.recovered, client.id]).toEqual([true, id]);
  one.io.to("red").emit("next", 3);
  await eventually(async () => expect(heard.at(-1)).toEqual(["next", 3, expect.any(String)]));
  const events = [["first"], ["missed", 1, Buffer.from("b")], ["missed", 2], ["next", 3]];
  expect(heard).toHaveLength(events.length);
  expect(new Set(heard.map((event) => event.slice(0, -1)))).toEqual(new Set(events));
  client.disconnect();
  await cluster.stop();
});
