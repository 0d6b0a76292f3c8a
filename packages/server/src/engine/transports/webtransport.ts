import { kEngineLink } from "../keys.ts";
import { LinkTransport } from "./link-transport.ts";
import type { WebTransportLink, WebTransportSession } from "./webtransport-link.ts";

/** Packets in one bidirectional stream of a WebTransport session. */
export class WebTransportTransport extends LinkTransport {
  readonly name: string = "webtransport";

  /** The session below. */
  get session(): WebTransportSession {
    return (this[kEngineLink] as WebTransportLink).session;
  }
}
