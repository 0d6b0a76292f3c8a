// The load of toggle.mjs, in a process of its own: the arguments are the port and the row.
import { openMany, PollingClient, WireClient } from "./clients.mjs";
import { clientFrame, serverFrames } from "./frames.mjs";

const [port, row] = [Number(process.argv[2]), process.argv[3]];
const TEXT = "x".repeat(20);
const repeat = (count, make) => Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));

/** Exchanges without end, one after the other for each client. */
async function forEver(clients, exchange) {
  await Promise.all(
    clients.map(async (client) => {
      for (;;) await exchange(client);
    }),
  );
}

const loads = {
  /** Many events, and one acknowledgement that shows that they have arrived. */
  async ingest() {
    const bytes = Buffer.concat([repeat(199, () => clientFrame(`42["event","${TEXT}"]`)), clientFrame('421["flush"]')]);
    const expected = serverFrames(["431[]"]).length;
    await forEver(await openMany(WireClient, port, 20), (client) => client.exchange(bytes, expected));
  },
  async pipelined() {
    const bytes = repeat(16, () => clientFrame(`421["echo","${TEXT}"]`));
    const expected = serverFrames([`431["${TEXT}"]`]).length * 16;
    await forEver(await openMany(WireClient, port, 20), (client) => client.exchange(bytes, expected));
  },
  /** The first client speaks once all have received what it said before. */
  async broadcast() {
    const clients = await openMany(WireClient, port, 50);
    const bytes = repeat(8, () => clientFrame(`42["say","${TEXT}"]`));
    const expected = serverFrames([`42["said","${TEXT}"]`]).length * 8;
    for (;;) {
      const received = clients.map((client) => client.receive(expected));
      clients[0].write(bytes);
      await Promise.all(received);
    }
  },
  async poll() {
    const clients = await openMany(PollingClient, port, 20);
    const body = Array.from({ length: 4 }, () => `42["event","${TEXT}"]`).join("\x1e");
    await forEver(clients, (client) => client.post(client.prepare(body)));
  },
};

process.on("disconnect", () => process.exit(0));
await loads[row]();
