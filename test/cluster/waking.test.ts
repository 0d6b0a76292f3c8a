import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RawPolling } from "../support/raw/polling.ts";
import { Nodes } from "../e2e/cluster/nodes.ts";
import { isShort } from "./run.ts";

let nodes: Nodes;
beforeEach(() => {
  nodes = new Nodes();
});
afterEach(() => nodes.stop());

// Real time decides: requests wait for a link for one second, which a machine with other work may take.
test.skipIf(isShort)(
  "a process that was stopped forwards to a process that has joined meanwhile, from the first request on",
  async () => {
    const sleeper = await nodes.fork();
    sleeper.child.kill("SIGSTOP");
    // It waits for the link to the other one for a second.
    const newcomer = await nodes.start();
    const { port } = newcomer.io.httpServer.address() as AddressInfo;
    const session = await RawPolling.open({ port });
    const answer = fetch(`http://127.0.0.1:${sleeper.port}/socket.io/?EIO=4&transport=polling&sid=${session.sid}`, {
      method: "POST",
      body: "40",
    });
    sleeper.child.kill("SIGCONT");
    const { status } = await answer;
    expect([status, newcomer.io.stats().nodes!.exchanges.received]).toEqual([200, 1]);
  },
);
