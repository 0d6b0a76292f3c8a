import type { Packet } from "@portage/parser/engine";
import { type Clock, WebSocket } from "@portage/websocket";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { SocketOptions } from "../options.ts";
import { messageOf, nodeOptions } from "../platform/node-options.node.ts";
import { after, installTimerFunctions } from "../platform/timers.ts";
import { BaseWS, type WebSocketLike } from "./websocket.ts";

/** Limit of characters read from the body of a refusal. */
const MAX_BODY = 4096;

/** Options passed to `@portage/websocket` besides the request options. */
const WEBSOCKET_OPTIONS = ["perMessageDeflate", "protocolVersion", "origin", "maxPayload", "handshakeTimeout"] as const;

/** Owner of native timers, as fake ones would not match the real network; they do not keep the process alive. */
const owner = { opts: { autoUnref: true } };
installTimerFunctions(owner, { useNativeTimers: true });

const CLOCK: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    let cancel = after(owner, ms, fn);
    const refresh = (): void => {
      cancel();
      cancel = after(owner, ms, fn);
    };
    return { refresh, cancel: () => cancel() };
  },
};

/** Sends a request that keeps no process alive, not even one that the server never answers. */
function sendUnref(request: ClientRequest): void {
  request.once("socket", (socket) => socket.unref());
  request.end();
}

/** WebSocket by `@portage/websocket`: with agents, client certificates, headers, cookies and compression. */
export class WS extends BaseWS {
  protected override createSocket(uri: string): WebSocketLike {
    const all: SocketOptions = this.opts;
    const given = all as Readonly<Record<string, unknown>>;
    const options = nodeOptions(all, this.socket._cookieJar, {});
    options["clock"] = CLOCK;
    for (const name of WEBSOCKET_OPTIONS) if (given[name] !== undefined) options[name] = given[name];
    if (all.autoUnref) options["finishRequest"] = sendUnref;
    const ws = new WebSocket(uri, all.protocols ?? [], options);
    ws.on("error", (error) => {
      error.message = messageOf(error);
    });
    ws.once("unexpected-response", (_request, response) => this.#onRefused(ws, response));
    return ws;
  }

  /** Reports an answer other than 101, with its status and body. */
  #onRefused(ws: WebSocket, response: IncomingMessage): void {
    const { statusCode: status = 0, headers } = response;
    let responseText = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      responseText = (responseText + chunk).slice(0, MAX_BODY);
    });
    response.on("close", () => {
      const { onerror } = ws;
      ws.onerror = () => {};
      ws.terminate();
      const error = new Error("Unexpected server response: " + status);
      if (onerror)
        this.onError(
          "websocket error",
          { type: "error", target: ws, message: error.message, error },
          {
            readyState: 4,
            status,
            responseText,
            headers,
          },
        );
    });
  }

  protected override doWrite(packet: Packet, data: string | Uint8Array): void {
    const { perMessageDeflate } = this.opts;
    const threshold = typeof perMessageDeflate === "object" ? perMessageDeflate.threshold : 0;
    const isLarge = Buffer.byteLength(data) >= threshold;
    this.ws!.send(data, { compress: isLarge && packet.options?.compress !== false });
  }
}
