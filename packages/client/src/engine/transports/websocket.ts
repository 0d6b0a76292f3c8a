import { encodePackets, type Packet } from "@portage/parser/engine";
import { nextTick } from "../platform/globals.node.ts";
import { unlessLeaving } from "../platform/page.ts";
import { Transport } from "./transport.ts";

/** The members that a transport needs of a WebSocket, native or of a package. Each has its own event types. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  readonly bufferedAmount: number;
  send(data: unknown, options?: { compress: boolean }): void;
  close(): void;
}

/** The platform's class; only React Native uses the third argument. */
type PlatformWebSocket = new (uri: string, protocols: string | string[], options?: object) => WebSocket;

/** Base class of WebSocket transports; a subclass creates the WebSocket. */
export abstract class BaseWS extends Transport {
  /** The WebSocket; undefined before the transport opens. */
  declare protected ws: WebSocketLike | undefined;

  get name(): string {
    return "websocket";
  }

  override get buffered_(): number {
    return this.ws?.bufferedAmount ?? 0;
  }

  /** Creates the WebSocket. */
  protected abstract createSocket(uri: string): WebSocketLike;

  /** Sends one encoded packet. */
  protected doWrite(_packet: Packet, data: unknown): void {
    this.ws!.send(data);
  }

  protected override doOpen(): void {
    try {
      const ws = (this.ws = this.createSocket(this.uri()));
      ws.onopen = () => this.onOpen();
      ws.onmessage = (event: MessageEvent) => this.onData(event.data);
      ws.onerror = (event: Event) => this.onError("websocket error", event);
      ws.onclose = (context: CloseEvent) =>
        unlessLeaving(this, () => this.closeSaying_("websocket connection closed", context));
    } catch (error) {
      // the platform has no WebSocket, or rejects the address; later, as listeners are added after the constructor
      this.setTimeoutFn(() => this.onError("websocket error", error, undefined, "TRANSPORT_UNAVAILABLE"));
    }
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    // base64 may be asynchronous: all packets leave together, in order
    encodePackets(packets, this.supportsBinary, (encoded) => {
      packets.forEach((packet, i) => {
        try {
          this.doWrite(packet, encoded[i]);
        } catch {
          // already closed; the close event follows
        }
      });
      nextTick(() => {
        this.writable = true;
        this.emitReserved("drain");
      });
    });
  }

  protected override onClosePacket_(data: unknown): void {
    this.doClose();
    super.onClosePacket_(data);
  }

  protected override doClose(): void {
    const ws = this.ws;
    if (ws) {
      ws.onopen = ws.onmessage = ws.onclose = null;
      // a close before the handshake ends is reported as an error
      ws.onerror = () => {};
      ws.close();
    }
  }

  /** The address of the WebSocket. */
  protected uri(): string {
    return this.requestUri_("ws", this.opts.timestampRequests, !this.supportsBinary && { b64: 1 });
  }
}

/** The platform's WebSocket: browsers, workers, React Native, Deno, Bun, Node.js 22 or newer. */
export class WS extends BaseWS {
  protected override createSocket(uri: string): WebSocketLike {
    const { protocols, extraHeaders: headers } = this.opts;
    const ws = new (WebSocket as PlatformWebSocket)(uri, protocols ?? [], headers && { headers });
    ws.binaryType = "arraybuffer";
    return ws;
  }
}
