import type { SocketOptions } from "./options.ts";
import { Session } from "./session.ts";
import type { Transport } from "./transports/transport.ts";
import { WS } from "./transports/websocket.node.ts";

/** A connection to an Engine.IO server over WebSocket alone, without upgrades. */
export class WebSocketSocket extends Session {
  override transports = ["websocket"];

  constructor(uri: string | undefined, opts: SocketOptions) {
    super(uri, opts);
    this.readyState = "opening";
    this.transport = this.createTransport("websocket");
    this.launch_(this.transport, "open", this);
  }

  override createTransport(name: string): Transport {
    return this.create_(WS, name);
  }
}
