import { type ClientRequest, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { messageOf, nodeOptions } from "../platform/node-options.node.ts";
import { after } from "../platform/timers.ts";
import { type Abort, type OnEnd, Polling } from "./polling.ts";
import type { Stream } from "./stream.ts";

/** Reports a request without an answer, with the system's message in its place. */
function failRequest(onEnd: OnEnd, error: Error): void {
  onEnd(undefined, 0, { readyState: 4, status: 0, responseText: messageOf(error), error });
}

/**
 * HTTP long-polling by `node:http` and `node:https`, with agents, client certificates, headers and cookies. Errors look
 * like those of XMLHttpRequest.
 *
 * Each request opens its own connection unless the program sets an agent with keep-alive. A proxy may close an idle
 * connection just as the next request leaves, and the client can't know whether the request arrived: a repeated request
 * could duplicate events, a lost request would end the session.
 */
export class NodeXHR extends Polling {
  protected override request(body: string | undefined, onEnd: OnEnd): Abort {
    try {
      const stream = this.stream_(body);
      const request = this.#start(body, stream);
      request.on("response", (response) => this.#onResponse(response, onEnd, stream));
      request.on("error", (error) => failRequest(onEnd, error));
      request.end(body);
      return () => request.destroy(new Error("aborted"));
    } catch (error) {
      // Node.js rejects the address or a header
      return after(this, 0, () => failRequest(onEnd, error as Error));
    }
  }

  #start(body: string | undefined, stream: Stream | undefined): ClientRequest {
    const { agent, secure, autoUnref } = this.opts;
    const headers = {
      accept: stream ? "text/event-stream" : "*/*",
      ...(body && { "content-type": "text/plain;charset=UTF-8", "content-length": Buffer.byteLength(body) }),
    };
    const request = (secure ? requestHttps : requestHttp)(this.uri(stream), {
      ...nodeOptions(this.opts, this.socket._cookieJar, headers),
      // the global agent keeps connections alive
      agent: agent || false,
      method: body ? "POST" : "GET",
    } as RequestOptions);
    if (autoUnref) request.on("socket", (socket) => socket.unref());
    return request;
  }

  #onResponse(response: IncomingMessage, onEnd: OnEnd, stream: Stream | undefined): void {
    this.socket._cookieJar?.parseCookies(response.headers["set-cookie"]);
    let responseText = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      responseText += chunk;
      if (response.statusCode === 200) stream?.take_(chunk);
    });
    response.on("end", () => {
      const { statusCode: status = 0, headers } = response;
      if (status === 200) onEnd(responseText);
      else onEnd(undefined, status, { readyState: 4, status, responseText, headers });
    });
    response.on("error", (error) => failRequest(onEnd, error));
  }
}

export { NodeXHR as DefaultPolling };
