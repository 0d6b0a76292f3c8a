import { afterEach, describe, expect, test } from "vitest";
import { CLIENTS, type Connect, WAYS } from "../../support/clients.ts";
import { eventually } from "../../support/servers/cluster.ts";
import { serve } from "../../support/servers/host.ts";
import { Relay } from "../../support/scripted/relay.ts";
import { portage } from "../../support/targets.ts";
import { nextEvent } from "../../support/waiting.ts";

const connect = CLIENTS["socket.io-client 4.8"] as Connect;
const ends: Array<() => unknown> = [];
afterEach(async () => {
  while (ends.length > 0) await ends.pop()?.();
});

/** A server that recovers sessions, behind a relay that loses connections. */
async function start() {
  const running = await serve(portage, { connectionStateRecovery: {} });
  const relay = new Relay(running.port);
  const url = await relay.listen();
  ends.push(
    () => running.stop(),
    () => relay.stop(),
  );
  return { io: running.io, relay, url };
}

describe.each(Object.entries(WAYS))("%s", (way, options) => {
  test.each([
    ["that the server notices", true],
    ["that the server does not notice", false],
  ])("nothing is lost, doubled or out of order through losses %s", async (_what, serverLearns) => {
    const { io, relay, url } = await start();
    let sent = 0;
    const send = (): void => {
      for (let i = 0; i < 3; i++) io.emit("n", ++sent);
    };
    const client = connect(url, { ...options, reconnection: true, reconnectionDelay: 1, reconnectionDelayMax: 2 });
    ends.push(() => client.disconnect());
    const got: number[] = [];
    client.on("n", (n: number) => got.push(n));
    await nextEvent(client, "connect");
    const { id } = client;
    if (way.includes("upgrade") && client.io.engine.transport.name !== "websocket") {
      await nextEvent(client.io.engine, "upgrade");
    }
    // The first loss comes before the first event.
    for (let round = 0; round < 3; round++) {
      // Between two polls the client has no connection to lose.
      await eventually(async () => expect([...io.of("/").sockets.values()][0]?.conn.transport.writable).toBe(true));
      const back = nextEvent(client, "connect");
      relay.cut(serverLearns);
      send();
      await back;
      expect(client).toMatchObject({ recovered: true, id });
      send();
      await eventually(async () => expect(got).toHaveLength(sent));
      expect(io.of("/").sockets.size).toBe(1);
    }
    expect(got).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
  });
});
