import type { SocketOptions } from "./options.ts";
import { Session } from "./session.ts";
import { WS } from "./transports/websocket.node.ts";

/** A connection to an Engine.IO server over WebSocket alone, without upgrades. */
export class WebSocketSocket extends Session {
  constructor(uri: string | undefined, opts: SocketOptions) {
    super(uri, opts);
    this.readyState = "opening";
    this.transport = this.create_(WS, "websocket");
    this.launch_(this.transport, "open", this);
  }
}
