import { Fetch, NodeWebSocket, NodeXHR, type TransportCtor } from "@portage/client/engine";
import { portage, reference } from "../support/targets.ts";
import { describeTransport } from "./client-transport.ts";

const TRANSPORTS: [string, TransportCtor][] = [
  ["NodeXHR", NodeXHR],
  ["Fetch", Fetch],
  ["NodeWebSocket", NodeWebSocket],
];

for (const target of [portage, reference]) {
  for (const [name, Transport] of TRANSPORTS) describeTransport(name, Transport, target);
}
