import debug from "debug";
import type { BaseManager } from "./base-manager.ts";

const ofManager = debug("socket.io-client:manager");
const ofSocket = debug("socket.io-client:socket");

/** Logs what a manager does, to the scopes `socket.io-client:*` of the environment variable `DEBUG`. */
export function observe(manager: BaseManager): void {
  if (ofManager.enabled) {
    for (const event of [
      "open",
      "ping",
      "close",
      "error",
      "reconnect_attempt",
      "reconnect",
      "reconnect_failed",
    ] as const) {
      manager.on(event, (...args: unknown[]) => ofManager("%s %o", event, args));
    }
  }
  if (!ofSocket.enabled) return;
  manager.on("packet", (packet) => ofSocket("received %o", packet));
  manager.on("open", () => manager.engine.on("packetCreate", (packet) => ofSocket("sending %o", packet)));
}
