import { BaseSocket } from "./base-socket.ts";
import type { SocketOptions } from "./options.ts";
import { WS } from "./transports/websocket.node.ts";

/** A connection to an Engine.IO server over WebSocket alone: the session opens there, and there is nothing to upgrade. */
export class WebSocketSocket extends BaseSocket {
  constructor(uri: string | undefined, opts: SocketOptions) {
    super(uri, opts);
    this.readyState = "opening";
    this.setTransport(this.buildTransport(WS, "websocket"));
    this.transport.open();
  }
}
