import type { IncomingMessage } from "node:http";
import {
  checkConnectHandshake,
  checkHandshake,
  negotiateDeflate,
  parseExtensions,
  parseProtocols,
} from "../core/index.ts";
import type { DeflateAgreement, DeflateOptions, RefusalCode } from "../core/index.ts";
import type { ClientInfo } from "./server-options.ts";

/** The contents of a valid opening handshake. */
export interface CheckedRequest {
  /** Empty for a handshake over HTTP/2, which has none. */
  readonly key: string;
  readonly version: 8 | 13;
  readonly protocols: Set<string>;
  /** The accepted offer of compression. */
  readonly deflate: DeflateAgreement | undefined;
}

/** Why an opening handshake is invalid. Emitted as `wsClientError`. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  /** Why the handshake is invalid. */
  readonly code: RefusalCode;
  /** The HTTP status of the response. */
  readonly status: number;
  /** Headers that the response needs, such as `Allow`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(refusal: Pick<RequestError, "code" | "status" | "message" | "headers">) {
    super(refusal.message);
    this.code = refusal.code;
    this.status = refusal.status;
    this.headers = refusal.headers;
  }

  /** Whether the error applies only to requests for the server's path. */
  get comesAfterPath(): boolean {
    return this.code === "WS_ERR_HANDSHAKE_PROTOCOL" || this.code === "WS_ERR_HANDSHAKE_EXTENSIONS";
  }
}

const PROTOCOL_REFUSAL = {
  code: "WS_ERR_HANDSHAKE_PROTOCOL",
  status: 400,
  message: "Invalid Sec-WebSocket-Protocol header",
  headers: {},
} as const;

const EXTENSIONS_REFUSAL = {
  code: "WS_ERR_HANDSHAKE_EXTENSIONS",
  status: 400,
  message: "Invalid Sec-WebSocket-Extensions header",
  headers: {},
} as const;

/** The events that bring an opening handshake, with the check of it. */
const CHECKS = {
  upgrade: checkHandshake,
  connect: (request: IncomingMessage) => ({ key: "", ...checkConnectHandshake(request, false) }),
};

/** Checks an opening handshake with its subprotocols and, given `deflate`, its extensions. */
export function checkServerRequest(
  request: IncomingMessage,
  kind: keyof typeof CHECKS,
  deflate: DeflateOptions | undefined,
): CheckedRequest | RequestError {
  const check = CHECKS[kind](request);
  if (!check.ok) return new RequestError(check);
  const protocols = parseProtocols(request.headers["sec-websocket-protocol"]);
  if (protocols === undefined) return new RequestError(PROTOCOL_REFUSAL);
  const extensions = request.headers["sec-websocket-extensions"];
  if (deflate === undefined || extensions === undefined) return { ...check, protocols, deflate: undefined };
  if (parseExtensions(extensions) === undefined) return new RequestError(EXTENSIONS_REFUSAL);
  return { ...check, protocols, deflate: negotiateDeflate(extensions, deflate) };
}

/** Makes the argument of `verifyClient`. */
export function clientInfo(request: IncomingMessage, version: 8 | 13): ClientInfo {
  const origin = request.headers[version === 8 ? "sec-websocket-origin" : "origin"];
  const { authorized, encrypted } = (request.socket ?? {}) as { authorized?: boolean; encrypted?: boolean };
  return {
    origin: origin as string,
    secure: Boolean(authorized || encrypted),
    req: request,
  };
}
