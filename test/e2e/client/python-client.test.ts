import { afterEach, expect, test } from "vitest";
import { type Running, serve } from "../../support/servers/host.ts";
import { call } from "../../support/raw/http.ts";
import { subject } from "../../support/targets.ts";

let running: Running | undefined;
afterEach(async () => running?.stop());

/** Polls with the user agent `agent`, and returns the numbers of packets in the answers. */
async function burst(agent: string, packets: number): Promise<number[]> {
  running = await serve(subject);
  running.io.on("connection", (socket) => {
    for (let number = 0; number < packets; number++) socket.emit("news", number);
  });
  const { port } = running;
  const headers = { "User-Agent": agent };
  const open = await call({ port, path: "/socket.io/?EIO=4&transport=polling", headers });
  const path = `/socket.io/?EIO=4&transport=polling&sid=${(JSON.parse(open.text.slice(1)) as { sid: string }).sid}`;
  await call({ port, method: "POST", path, headers, body: "40" });
  const sizes: number[] = [];
  const events: string[] = [];
  while (events.length < packets) {
    const received = (await call({ port, path, headers })).text.split("\u001e");
    sizes.push(received.length);
    events.push(...received.filter((packet) => packet.startsWith("42")));
  }
  expect(events).toEqual(Array.from({ length: packets }, (_, number) => `42["news",${number}]`));
  return sizes;
}

test.each(["python-requests/2.32.3", "Python/3.12 aiohttp/3.10.5"])("%s gets payloads that it takes", async (agent) => {
  expect(await burst(agent, 40)).toEqual([16, 16, 9]);
});

test("others get all at once", async () => {
  expect(await burst("node", 40)).toEqual([41]);
});
