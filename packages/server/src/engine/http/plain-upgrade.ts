import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** What is asked of the HTTP server. */
interface UpgradeEmitter {
  emit(event: string, stream: Duplex): boolean;
  listeners(event: string): unknown[];
}

/** Listeners of `upgrade` that leave to others what is not a WebSocket: all engines, and what they listen with. */
const indifferent = new WeakSet();
/** Streams that were given back: several engines may share a server. */
const givenBack = new WeakSet<Duplex>();

/** Marks a listener of `upgrade` that takes WebSockets alone. */
export function takesWebSocketsOnly<Listener extends object>(listener: Listener): Listener {
  indifferent.add(listener);
  return listener;
}

/**
 * Whether a request asks for a protocol other than WebSocket, which HTTP lets a server ignore (RFC 9110, section 7.8). Java's
 * client asks for `h2c` with each first request.
 */
export function asksForAnotherProtocol({ headers }: IncomingMessage): boolean {
  return !/(?:^|,)\s*websocket\s*(?:\/[^,]*)?(?:,|$)/i.test(headers.upgrade ?? "");
}

/** Whether a listener that is not ours may take upgrades. */
export function hasOtherTakers(server: UpgradeEmitter): boolean {
  return server.listeners("upgrade").some((listener) => !indifferent.has(listener as object));
}

/**
 * Has the HTTP server take a request as if it had no `Upgrade` header. A listener of `upgrade` keeps Node from doing so by
 * itself: the request has left its parser, and comes in once more.
 */
export function giveBack(server: UpgradeEmitter, req: IncomingMessage, stream: Duplex, head: Buffer): void {
  if (givenBack.has(stream) || stream.destroyed) return;
  givenBack.add(stream);
  // Once all listeners of `upgrade` have been called.
  process.nextTick(() => {
    givenBack.delete(stream);
    if (stream.destroyed) return;
    stream.unshift(Buffer.concat([Buffer.from(headOf(req), "latin1"), head]));
    server.emit("encrypted" in stream ? "secureConnection" : "connection", stream);
  });
}

/** The head of a request without what asks for another protocol. */
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
