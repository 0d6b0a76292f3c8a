import { logCalls, ofEvents } from "../log.node.ts";

/** Logs sockets and transports, to the scopes `engine.io-client:*`. */
export function observe(socket: object, transport: object): void {
  logCalls(socket, "engine.io-client:socket", {
    launch_: ([{ name }, purpose]) => ["creating transport %s to %s", name, purpose],
    emitReserved: ofEvents({
      handshake: ([data]) => ["handshake %o", data],
      open: (_args, { id }) => ["open as %s", id],
      upgrading: ([{ name }]) => ["upgrading to %s", name],
      upgrade: ([{ name }]) => ["upgraded to %s", name],
      upgradeError: ([error]) => ["upgrade failed: %o", error],
      error: ([error]) => ["error %o", error],
      close: ([reason, details]) => ["closed: %s %o", reason, details],
      packet: ([{ type, data }]) => ["received packet %s %o", type, data],
      packetCreate: ([{ type, data }]) => ["sending packet %s %o", type, data],
    }),
  });
  logCalls(transport, "engine.io-client:transport", {
    emitReserved: ofEvents({
      open: (_args, { name }) => ["%s is open", name],
      poll: (_args, { name }) => ["%s asks for packets", name],
      pollComplete: (_args, { name }) => ["%s got an answer", name],
      error: ([error], { name }) => ["%s failed: %o", name, error],
      close: ([details], { name }) => ["%s is closed %o", name, details],
    }),
  });
}
