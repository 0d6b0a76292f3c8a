import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { messageOf, nodeOptions } from "../platform/node-options.node.ts";
import { after } from "../platform/timers.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";

/** There was no answer; in its place stands what the system says. */
function fail(onEnd: OnEnd, error: Error): void {
  onEnd(undefined, 0, { readyState: 4, status: 0, responseText: messageOf(error), error });
}

/**
 * HTTP long-polling by `node:http` and `node:https`: with agents, client certificates, headers and cookies. Not
 * XMLHttpRequest, but its errors look like it.
 *
 * Each request has a connection of its own, unless the program gives an agent that keeps them. What is between may end an
 * idle connection just when the next request leaves, and nobody can tell whether that one was delivered: to send it again
 * could double events, not to do so would end the session for nothing.
 */
export class NodeXHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    try {
      const request = this.#start(body);
      request.on("response", (response) => this.#onResponse(response, onEnd));
      request.on("error", (error) => fail(onEnd, error));
      request.end(body);
      return () => request.destroy(new Error("aborted"));
    } catch (error) {
      // an address or a header that Node.js refuses
      return after(this, 0, () => fail(onEnd, error as Error));
    }
  }

  #start(body: string | undefined): ClientRequest {
    const { agent, secure, autoUnref } = this.opts;
    const headers = {
      accept: "*/*",
      ...(body && { "content-type": "text/plain;charset=UTF-8", "content-length": Buffer.byteLength(body) }),
    };
    const request = (secure ? requestHttps : requestHttp)(this.uri(), {
      ...nodeOptions(this.opts, this.socket._cookieJar, headers),
      // the agent of the process keeps connections
      agent: agent || false,
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
