import { logCalls, ofEvents } from "../log.node.ts";

/** Logs managers and sockets, to the scopes `socket.io-client:*`. */
export function observe(manager: object, socket: object): void {
  logCalls(manager, "socket.io-client:manager", {
    open: (_args, { uri, _readyState }) => (_readyState === "closed" ? ["opening %s", uri ?? ""] : undefined),
    emitReserved: ofEvents({
      open: () => ["open"],
      ping: () => ["ping"],
      error: ([error]) => ["error %o", error],
      close: ([reason, details]) => ["closed: %s %o", reason, details],
      reconnect_attempt: ([count]) => ["reconnect attempt %d", count],
      reconnect_error: ([error]) => ["reconnect error %o", error],
      reconnect_failed: () => ["reconnect failed"],
      reconnect: ([count]) => ["reconnected after %d attempts", count],
    }),
  });
  logCalls(socket, "socket.io-client:socket", {
    packet: ([packet], { nsp }) => ["%s sends packet %o", nsp, packet],
    onpacket: ([packet], { nsp }) => (packet.nsp === nsp ? ["%s received packet %o", nsp, packet] : undefined),
    emitReserved: ofEvents({
      connect: (_args, { nsp, id }) => ["%s is connected as %s", nsp, id],
      connect_error: ([error], { nsp }) => ["%s could not connect: %o", nsp, error],
      disconnect: ([reason, details], { nsp }) => ["%s is disconnected: %s %o", nsp, reason, details],
    }),
  });
}
