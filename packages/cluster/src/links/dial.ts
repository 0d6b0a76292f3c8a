import type { Agent, IncomingMessage } from "node:http";
import type { Clock, PendingCall } from "@portage/server/relay";
import { connectLink, type WebSocketLink as Connection } from "@portage/websocket";
import type { LinkRefusalCode } from "../core/errors.ts";
import { isCode } from "./directory.ts";
import type { LinkKind } from "./link.ts";
import {
  type Identity,
  identityHeaders,
  identityOf,
  isNonce,
  isSameVersion,
  type LinkKeys,
  makeNonce,
  makeProof,
  type ProofTerms,
  verifyProof,
} from "./handshake.ts";
import { agentFor, optionsFor, requestOver, type Route, urlOf } from "./route.ts";
import { CONNECTION_OPTIONS } from "./websocket-link.ts";

/** What came of an attempt. `absent`: no process listens; `busy`: the other attempt counts. */
export type DialFailure = "absent" | "busy" | "failed" | LinkRefusalCode;

export interface DialHandler {
  /** The process of the peer lives. */
  onAnswered(): void;
  /** Final, as is the next one. */
  onConnected(node: Identity, connection: Connection, kind: LinkKind): void;
  onDialFailed(failure: DialFailure): void;
}

export interface DialSettings {
  readonly route: Route;
  /** The tag of the node that should listen there. */
  readonly tag: string;
  readonly self: Identity;
  readonly keys: LinkKeys;
  readonly clock: Clock;
  /** Milliseconds for the whole attempt. */
  readonly timeout: number;
  /** `look`: ends with `onAnswered`. Default: `link`. */
  readonly purpose?: "link" | "look";
}

/**
 * Parts in which the time of an attempt passes, so that a process that stood still finds one part gone on its return: the answer
 * may be there, and its peer has a link already.
 */
const PARTS = 4;

/** One attempt to connect to a node. */
export class Dial {
  readonly #settings: DialSettings;
  readonly #handler: DialHandler;
  /** Both requests use its only connection. */
  readonly #agent: Agent;
  #timer: PendingCall;
  #isOver = false;
  #stop: () => void = () => undefined;

  constructor(settings: DialSettings, handler: DialHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.#agent = agentFor(settings.route);
    this.#timer = this.#after(PARTS);
    this.#hello();
  }

  /** Fails when so many parts of the time have passed. */
  #after(parts: number): PendingCall {
    const { clock, timeout } = this.#settings;
    return clock.after(timeout / PARTS, () => {
      if (parts > 1) this.#timer = this.#after(parts - 1);
      else this.#fail("failed");
    });
  }

  /** Gives up without a report. */
  abort(): void {
    if (this.#finish()) this.#stop();
  }

  /** Returns false if the attempt was over before. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer.cancel();
    this.#agent.destroy();
    return true;
  }

  #fail(failure: DialFailure): void {
    if (!this.#finish()) return;
    this.#stop();
    this.#handler.onDialFailed(failure);
  }

  #hello(): void {
    const { route, self } = this.#settings;
    const hello = requestOver(route, { agent: this.#agent, headers: identityHeaders(self) });
    this.#stop = () => hello.destroy();
    hello.on("error", (error) => this.#fail(failureOf(error)));
    hello.on("response", (answer) => {
      answer.on("end", () => this.#onHello(answer));
      answer.on("error", ignoreDialError);
      answer.resume();
    });
    hello.end();
  }

  #onHello(answer: IncomingMessage): void {
    if (this.#isOver) return;
    const { headers } = answer;
    const listener = identityOf(headers);
    const listenerNonce = headers["portage-nonce"];
    if (!isSameVersion(headers)) return this.#fail("LINK_VERSION");
    if (listener === undefined || !isNonce(listenerNonce)) return this.#fail("LINK_MALFORMED");
    // The address belonged to an earlier node.
    if (listener.tag !== this.#settings.tag) return this.#fail("absent");
    if (this.#settings.purpose === "look") this.abort();
    this.#handler.onAnswered();
    if (this.#isOver) return;
    this.#upgrade({ dialler: this.#settings.self, listener, diallerNonce: makeNonce(), listenerNonce });
  }

  #upgrade(terms: ProofTerms): void {
    const { route, self, keys, clock } = this.#settings;
    const [key] = keys();
    if (key === undefined) return this.#fail("failed");
    const proof = makeProof(key, "dialler", terms);
    const headers = { ...identityHeaders(self), "portage-nonce": terms.diallerNonce, "portage-proof": proof };
    const options = { ...CONNECTION_OPTIONS, ...optionsFor(route), agent: this.#agent, headers, clock };
    const attempt = connectLink(urlOf(route), options, {
      onLink: (link, answer) => this.#onLink(terms, key, { link, answer }),
      onConnectError: (error, answer) => this.#fail(answer === undefined ? failureOf(error) : refusalOf(answer)),
    });
    this.#stop = () => attempt.abort();
  }

  #onLink(terms: ProofTerms, key: Buffer, { link, answer }: { link: Connection; answer: IncomingMessage }): void {
    const isProved = verifyProof([key], "listener", terms, answer.headers["portage-proof"]) !== undefined;
    if (this.#isOver || !isProved) link.terminate();
    if (!isProved) return this.#fail("LINK_SECRET");
    if (this.#finish()) this.#handler.onConnected(terms.listener, link, this.#settings.route.kind);
  }
}

function refusalOf({ statusCode }: IncomingMessage): DialFailure {
  if (statusCode === 409) return "busy";
  if (statusCode === 426) return "LINK_VERSION";
  return statusCode === 401 ? "LINK_SECRET" : "failed";
}

function failureOf(error: Error): DialFailure {
  return isCode(error, "ECONNREFUSED", "ENOENT") ? "absent" : "failed";
}

function ignoreDialError(): void {}
