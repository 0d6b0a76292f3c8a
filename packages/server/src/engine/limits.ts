import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Clock } from "../clock.ts";
import type { HttpCompression } from "./http-compression.ts";
import type { RefusalName } from "./refusals.ts";
import type { Uploads } from "./transports/uploads.ts";

/** What transports must know of the engine; one record shared by all of them. */
export interface EngineLimits {
  /** Bytes of one message, POST body or WebSocket message alike. */
  readonly maxHttpBufferSize: number;
  /** Packets in one POST body. */
  readonly maxPayloadPackets: number;
  /** Packets in the answer to one poll. */
  readonly maxPollPackets: number | undefined;
  /** The bodies that are under way. */
  readonly uploads: Uploads;
  readonly httpCompression: HttpCompression | false;
  readonly clock: Clock;
  /** A request of an open session was turned away: it is counted. */
  onRefused(name: RefusalName): void;
  /** Lets the engine and its users add headers to an answer of the session `sid`. */
  addHeaders(headers: OutgoingHttpHeaders, req: IncomingMessage, sid: string): void;
}
