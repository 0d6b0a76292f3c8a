import { IoAdapter } from "@nestjs/platform-socket.io";
import { Server } from "@portage/server";

/** Nest's own adapter, with our server. */
export class PortageAdapter extends IoAdapter {
  // `object` and `never`: the adapter's types are from its own dependency.
  override createIOServer(port: number, options?: object): never {
    const host = this.httpServer && port === 0 ? this.httpServer : port;
    return new Server(host, options) as never;
  }
}
