import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { nodeOptions } from "../platform/node-options.node.ts";
import { after } from "../platform/timers.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";

/** Codes of a connection that the other side has ended. */
const LOST: readonly string[] = ["ECONNRESET", "EPIPE"];

/** There was no answer; in its place stands what the system says. */
function fail(onEnd: OnEnd, error: Error): void {
  // the error of several addresses has a list, not a message
  const responseText = error.message || String((error as AggregateError).errors);
  onEnd(undefined, 0, { readyState: 4, status: 0, responseText, error });
}

/**
 * HTTP long-polling by `node:http` and `node:https`: with agents, client certificates, headers and cookies. Connections
 * are kept alive between requests. Not XMLHttpRequest, but its errors look like it.
 */
export class NodeXHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    let request: ClientRequest;
    const send = (): void => {
      request = this.#start(body);
      let isNew = true;
      let bytesRead = 0;
      request.on("socket", (socket) => {
        isNew = !request.reusedSocket;
        ({ bytesRead } = socket);
      });
      request.on("response", (response) => this.#onResponse(response, onEnd));
      request.on("error", (error: NodeJS.ErrnoException) => {
        // what is between ends idle connections without a word: the next request finds out, unseen by the server
        const isUnseen = !isNew && LOST.includes(error.code!) && request.socket?.bytesRead === bytesRead;
        if (isUnseen) send();
        else fail(onEnd, error);
      });
      request.end(body);
    };
    try {
      send();
      return () => request.destroy(new Error("aborted"));
    } catch (error) {
      // an address or a header that Node.js refuses
      return after(this, 0, () => fail(onEnd, error as Error));
    }
  }

  #start(body: string | undefined): ClientRequest {
    const { secure, autoUnref } = this.opts;
    const headers = {
      accept: "*/*",
      ...(body && { "content-type": "text/plain;charset=UTF-8", "content-length": Buffer.byteLength(body) }),
    };
    const options = nodeOptions(this.opts, this.socket._cookieJar, headers);
    const request = (secure ? requestHttps : requestHttp)(this.uri(), {
      ...options,
      method: body ? "POST" : "GET",
    } as RequestOptions);
    if (autoUnref) request.on("socket", (socket) => socket.unref());
    return request;
  }

  #onResponse(response: IncomingMessage, onEnd: OnEnd): void {
    this.socket._cookieJar?.parseCookies(response.headers["set-cookie"]);
    let responseText = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (responseText += chunk));
    response.on("end", () => {
      const { statusCode: status = 0, headers } = response;
      if (status === 200) onEnd(responseText);
      else onEnd(undefined, status, { readyState: 4, status, responseText, headers });
    });
    response.on("error", (error) => fail(onEnd, error));
  }
}

export { NodeXHR as DefaultPolling };
