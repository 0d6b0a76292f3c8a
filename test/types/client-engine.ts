import * as ours from "@portage/client/engine";
import type * as theirs from "engine.io-client";

// Compiled, never run: programs typed for engine.io-client compile with @portage/client/engine.

declare const theirOptions: theirs.SocketOptions;
const options: ours.SocketOptions = theirOptions as Omit<
  theirs.SocketOptions,
  "transports" | "transportImplementations"
>;
const socket = new ours.Socket("http://localhost", options);
const sockets = [
  new ours.Socket({ transports: ["polling", "websocket"], query: { a: 1 }, agent: false }),
  new ours.Socket({ transports: [ours.transports["websocket"]!, ours.Fetch] }),
  new ours.Socket({
    transportImplementations: [ours.Fetch, ours.NodeXHR, ours.XHR, ours.WebSocket, ours.NodeWebSocket],
  }),
];

const id: string = socket.id;
const state: "opening" | "open" | "closing" | "closed" = socket.readyState;
const protocol: number = ours.Socket.protocol;
socket.binaryType = "arraybuffer";
socket
  .on("open", () => {})
  .once("handshake", (data) => data.upgrades.map((name) => name.toUpperCase()))
  .on("close", (reason: string, details) => void [reason, details])
  .on("upgrade", (transport) => transport.name.length)
  .off("open")
  .removeAllListeners();
socket.send("text", { compress: false }, () => {}).write(new Uint8Array(1));
// @ts-expect-error: there is no such event
socket.on("opened", () => {});
// @ts-expect-error: the listener takes something else
socket.on("close", (reason: number) => reason);
// @ts-expect-error: events of the engine are not emitted by programs
socket.emit("open");

/** A transport of one's own. */
class Pigeon extends ours.Transport {
  get name(): string {
    return "pigeon";
  }

  protected override doOpen(): void {
    this.createUri("https", { a: 1 }).startsWith("https");
    this.setTimeoutFn(() => this.onOpen(), 10);
  }

  protected override doClose(): void {}

  protected override write(packets: ours.Packet[]): void {
    this.writable = false;
    if (!this.supportsBinary || packets.length > this.opts.path!.length) this.onError("pigeon error", 0);
    this.emitReserved("drain");
  }
}

ours.transports["pigeon"] = Pigeon;
const error = new ours.TransportError("reason", 503, {});
ours.installTimerFunctions({}, { useNativeTimers: true });
ours.nextTick(() => {}, setTimeout);
const parsed: string = ours.parse("http://localhost").pathNames.join(error.type);

export { id, parsed, protocol, sockets, state };
