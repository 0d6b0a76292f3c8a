import type { ClientRequest, IncomingMessage } from "node:http";
import { ConnectAttempt } from "./client/connect.ts";
import type { Connected, ConnectHandler } from "./client/connect.ts";
import { parseClientUrl } from "./client/client-url.ts";
import { joinLink } from "./link/join.ts";
import type { WebSocketLink } from "./link/link-types.ts";
import type { ConnectOptions } from "./options.ts";
import type { ClientOptions } from "./websocket.ts";

/** What {@link connectLink} reports: one of the two, once. */
export interface ConnectLinkHandler {
  /** The server accepted. Delivery starts with `link.open`. `answer` has the headers of its response. */
  onLink(link: WebSocketLink, answer: IncomingMessage): void;
  /** The attempt failed. `answer` is the response of a server that refused; its body is not read. */
  onConnectError(error: Error, answer: IncomingMessage | undefined): void;
}

class LinkAttempt implements ConnectHandler {
  readonly #options: ConnectOptions;
  readonly #handler: ConnectLinkHandler;
  #answer: IncomingMessage | undefined = undefined;

  constructor(options: ConnectOptions, handler: ConnectLinkHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  onRequest(request: ClientRequest): void {
    request.end();
  }

  onAnswer(answer: IncomingMessage): void {
    this.#answer = answer;
  }

  onUnexpected(_request: ClientRequest, answer: IncomingMessage): boolean {
    this.#answer = answer;
    return false;
  }

  watchesRedirects(): boolean {
    return false;
  }

  onRedirect(): void {}

  onConnected(connected: Connected): void {
    this.#handler.onLink(joinLink("client", connected, this.#options), this.#answer!);
  }

  onConnectFailed(error: Error): void {
    this.#handler.onConnectError(error, this.#answer);
  }
}

/**
 * Connects to a WebSocket server without an emitter and its costs: the client's counterpart of `acceptUpgrade`. The link
 * delivers text to `onTextBytes`.
 *
 * @returns an object whose `abort` gives up; the handler gets a `ConnectError` then, unless the attempt is over
 * @throws SyntaxError for an invalid URL; OptionError for an invalid option
 */
export function connectLink(
  address: string | URL,
  options: Omit<ClientOptions, "finishRequest">,
  handler: ConnectLinkHandler,
): { abort(): void } {
  const attempt = new ConnectAttempt(parseClientUrl(address), [], options, new LinkAttempt(options, handler));
  attempt.start();
  return { abort: () => attempt.abort("WS_ERR_CONNECT_ABORTED", "the attempt was given up") };
}
