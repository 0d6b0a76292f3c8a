import type { Duplex } from "node:stream";
import type { WebSocketError, WebSocketLink } from "@portage/websocket";
import type { SocketLink } from "./link-socket.ts";

/** What is asked of a WebSocket that another library has made: the shape of the npm package `ws`. */
export interface ForeignWebSocket {
  readonly readyState: number;
  readonly bufferedAmount?: number;
  on(event: string, listener: (...args: never[]) => void): unknown;
  send(data: string | Buffer, options: { compress: boolean }, callback?: () => void): void;
  close(code?: number, reason?: string): void;
  terminate?(): void;
  pause?(): void;
  resume?(): void;
}

/** A server of such WebSockets, as the option `wsEngine` names its class. */
export interface ForeignWebSocketServer {
  handleUpgrade(req: unknown, stream: unknown, head: Buffer, done: (websocket: ForeignWebSocket) => void): void;
  close?(): void;
  on?(event: "headers", listener: (lines: string[], req: never) => void): unknown;
  /** That of `ws` looks them up for each handshake. */
  readonly options?: object;
}

export interface ForeignOptions {
  readonly perMessageDeflate: unknown;
  readonly maxPayload: number;
  readonly handleProtocols?: unknown;
}

export type ForeignWebSocketServerClass = new (
  options: ForeignOptions & { noServer: true; clientTracking: false },
) => ForeignWebSocketServer;

/** What the transport asks of its link: ours, or that of another WebSocket library. */
export type EngineLink = Pick<
  WebSocketLink,
  | "bufferedBytes"
  | "open"
  | "sendText"
  | "sendBinary"
  | "sendFrame"
  | "cork"
  | "flush"
  | "close"
  | "terminate"
  | "pause"
  | "resume"
> &
  SocketLink & {
    readonly stream?: Duplex | undefined;
    /** The WebSocket of another library, where it is one. */
    readonly foreign?: ForeignWebSocket;
  };

/** The code of the error for a message that is too large, with `ws` as with us. */
export const TOO_LARGE = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/** Whether the peer broke a rule. The errors of `ws` have codes of the same kind as ours, or of zlib. */
export function isViolation({ code }: NodeJS.ErrnoException | WebSocketError): boolean {
  return code !== undefined && (code.startsWith("WS_ERR_") || code.startsWith("Z_"));
}
