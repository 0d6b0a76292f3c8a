import debug from "debug";
import type { BaseSocket } from "./base-socket.ts";

const log = debug("engine.io-client:socket");

/** Logs what a socket does, to the scope `engine.io-client:socket` of the environment variable `DEBUG`. */
export function observe(socket: BaseSocket): void {
  if (!log.enabled) return;
  for (const event of ["handshake", "open", "upgradeError", "error", "close"] as const) {
    socket.on(event, (...args: unknown[]) => log("%s %o", event, args));
  }
  for (const event of ["upgrading", "upgrade"] as const) socket.on(event, ({ name }) => log("%s to %s", event, name));
  socket.on("packet", ({ type, data }) => log("received %s %o", type, data));
  socket.on("packetCreate", ({ type, data }) => log("sending %s %o", type, data));
}
