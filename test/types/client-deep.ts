// Modules of socket.io-client from which programs import types, after the replacement.
import type { Manager, ManagerOptions } from "@portage/client/build/esm/manager";
import type { DisconnectDescription, ExtendedError, Socket, SocketOptions } from "@portage/client/build/esm/socket";
import type { Socket as RequiredSocket } from "@portage/client/build/cjs/socket";
import type { Io } from "@portage/client/build/esm/index";

export function program(socket: Socket, manager: Manager, io: Io): RequiredSocket {
  const options: Partial<ManagerOptions & SocketOptions> = { reconnectionDelay: 1, retries: 2 };
  const describe = (_: DisconnectDescription | undefined, error: ExtendedError): string => error.message;
  socket.on("disconnect", (_reason, details) => void describe(details, new Error("x")));
  manager.backoff.reset();
  manager.skipReconnect = true;
  return io("/", options);
}
