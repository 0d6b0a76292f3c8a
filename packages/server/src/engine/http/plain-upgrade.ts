import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** The part of an HTTP server that is used here. */
interface UpgradeEmitter {
  emit(event: string, stream: Duplex): boolean;
  listeners(event: string): unknown[];
}

/** Listeners of `upgrade` that ignore everything but WebSockets: the engines' own. */
const indifferent = new WeakSet();
/** Streams already given back, as several engines may share a server. */
const givenBack = new WeakSet<Duplex>();

/** Marks a listener of `upgrade` that handles only WebSockets. */
export function takesWebSocketsOnly<Listener extends object>(listener: Listener): Listener {
  indifferent.add(listener);
  return listener;
}

/**
 * Whether a request asks for a protocol other than WebSocket. A server may ignore that (RFC 9110, section 7.8). Java's HTTP
 * client asks for `h2c` with each first request.
 */
export function asksForAnotherProtocol({ headers }: IncomingMessage): boolean {
  return !/(?:^|,)\s*websocket\s*(?:\/[^,]*)?(?:,|$)/i.test(headers.upgrade ?? "");
}

/** Whether a listener of the program may handle upgrades, or the CONNECTs of HTTP/2. */
export function hasOtherTakers(server: UpgradeEmitter, event: "upgrade" | "connect" = "upgrade"): boolean {
  return server.listeners(event).some((listener) => !indifferent.has(listener as object));
}

/**
 * Makes the HTTP server handle a request as if it had no `Upgrade` header. Node does not do so if there is a listener of
 * `upgrade`, so the request is fed to the server again.
 */
export function giveBack(server: UpgradeEmitter, req: IncomingMessage, stream: Duplex, head: Buffer): void {
  if (givenBack.has(stream) || stream.destroyed) return;
  givenBack.add(stream);
  // After all listeners of `upgrade` have been called.
  process.nextTick(() => {
    givenBack.delete(stream);
    if (stream.destroyed) return;
    stream.unshift(Buffer.concat([Buffer.from(headOf(req), "latin1"), head]));
    server.emit("encrypted" in stream ? "secureConnection" : "connection", stream);
  });
}

/** Returns the head of a request without its upgrade headers. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = keepOf(name.toLowerCase(), rawHeaders[i + 1]!);
    if (value !== undefined) text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

function keepOf(name: string, value: string): string | undefined {
  if (name === "upgrade" || name === "http2-settings") return undefined;
  if (name !== "connection") return value;
  const others = value.split(",").filter((token) => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(token));
  return others.length > 0 ? others.join(",") : undefined;
}
