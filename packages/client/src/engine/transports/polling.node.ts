import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { nodeOptions } from "../node-options.node.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";

/**
 * HTTP long-polling by `node:http` and `node:https`: with agents, client certificates, headers and cookies. Connections
 * are kept alive between requests. Not XMLHttpRequest, but its errors look like it.
 */
export class NodeXHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    const fail = (error: Error): void => onEnd(undefined, 0, { readyState: 4, status: 0, responseText: "", error });
    try {
      const request = this.#start(body);
      request.on("response", (response) => this.#onResponse(response, onEnd));
      request.on("error", fail);
      request.end(body);
      return () => request.destroy(new Error("aborted"));
    } catch (error) {
      // an address or a header that Node.js refuses
      const timer = this.setTimeoutFn(() => fail(error as Error), 0);
      return () => clearTimeout(timer);
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
    response.on("error", (error) => onEnd(undefined, 0, { readyState: 4, status: 0, responseText, error }));
  }
}

export { NodeXHR as DefaultPolling };
