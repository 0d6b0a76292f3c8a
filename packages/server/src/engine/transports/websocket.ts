import type { Duplex } from "node:stream";
import type { LinkClose } from "@portage/websocket";
import { assignable } from "../../base/assignable.ts";
import { kEngineLink } from "../keys.ts";
import type { ForeignWebSocket } from "./engine-link.ts";
import { LinkSocket, tapped } from "./link-socket.ts";
import { LinkTransport } from "./link-transport.ts";

/** Created on first access of `socket`; most transports have none. */
const linkSockets = new WeakMap<WebSocketTransport, LinkSocket>();

/** One packet per WebSocket message (Engine.IO protocol, "WebSocket"). */
export class WebSocketTransport extends LinkTransport {
  readonly name: string = "websocket";

  override open(): void {
    if (!linkSockets.has(this)) super.open();
  }

  /** The WebSocket below: the one of the option `wsEngine`, or a stand-in with the members of `ws`. */
  get socket(): LinkSocket | ForeignWebSocket {
    const { foreign } = this[kEngineLink];
    if (foreign !== undefined) return foreign;
    const known = linkSockets.get(this);
    if (known !== undefined) return known;
    const socket = new LinkSocket(this, this[kEngineLink]);
    linkSockets.set(this, socket);
    this[kEngineLink].open(tapped(this, socket));
    return socket;
  }

  /** The stream below; undefined after it has closed. */
  get stream(): Duplex | undefined {
    return this[kEngineLink].stream;
  }

  override onClose(close?: LinkClose): void {
    super.onClose(close);
    if (close !== undefined) linkSockets.get(this)?.emit("close", close.code, close.reason);
  }
}

assignable(WebSocketTransport.prototype, "socket");
