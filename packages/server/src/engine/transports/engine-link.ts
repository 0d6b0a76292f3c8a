import type { Duplex } from "node:stream";
import type { WebSocketError, WebSocketLink } from "@portage/websocket";
import type { SocketLink } from "./link-socket.ts";

/** The members that the engine uses of another library's WebSocket, in the shape of the npm package `ws`. */
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

/** The server of another WebSocket library; the option `wsEngine` takes its class. */
export interface ForeignWebSocketServer {
  handleUpgrade(req: unknown, stream: unknown, head: Buffer, done: (websocket: ForeignWebSocket) => void): void;
  /** Takes a WebSocket over HTTP/2. Only servers with the API of @portage/websocket have it. */
  handleConnect?(req: unknown, res: unknown, done: (websocket: ForeignWebSocket) => void): void;
  close?(): void;
  on?(event: "headers", listener: (lines: string[], req: never) => void): unknown;
  /** `ws` reads these for each handshake. */
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

/** The members that the transport uses of its link, ours or another library's. */
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
    /** The WebSocket of another library; undefined for our own links. */
    readonly foreign?: ForeignWebSocket;
  };

/** The error code for a message that is too large, in `ws` and here. */
export const TOO_LARGE = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/** Whether the error is a violation by the peer. `ws` uses the same prefix as this package, and the codes of zlib. */
export function isViolation({ code }: NodeJS.ErrnoException | WebSocketError): boolean {
  return code !== undefined && (code.startsWith("WS_ERR_") || code.startsWith("Z_"));
}
