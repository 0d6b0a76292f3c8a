import type { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { delayOf } from "./clock.ts";
import type { ConnectAttempt, Connected, ConnectHandler } from "./client/connect.ts";
import { CLOSE_CODE, EMPTY, WebSocketError } from "./core/index.ts";
import type { DeflateParams, DeflateSettings, Role } from "./core/index.ts";
import type { LinkClose, LinkHandler } from "./link/link-types.ts";
import type { StreamLink } from "./link/link.ts";
import { WEBSOCKET_DEFAULTS } from "./options.ts";
import type { BinaryType, ConnectOptions, WebSocketOptions } from "./options.ts";
import { answersPings, joinLink } from "./link/join.ts";

export const READY_STATE = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const;
export type ReadyState = (typeof READY_STATE)[keyof typeof READY_STATE];

/**
 * The state behind a public `WebSocket`. Turns the reports of its connect attempt and its link
 * into events of the emitter.
 */
export class Endpoint implements LinkHandler, ConnectHandler {
  readonly #emitter: EventEmitter;
  readonly #options: ConnectOptions;
  role: Role;
  #readyState: ReadyState = READY_STATE.CONNECTING;
  #link: StreamLink | undefined = undefined;
  #attempt: ConnectAttempt | undefined = undefined;
  binaryType: BinaryType = "nodebuffer";
  protocol = "";
  /** The negotiated compression. */
  deflate: DeflateSettings | undefined = undefined;
  /** Bytes of messages sent after the end. */
  unsentBytes = 0;
  isPaused = false;

  constructor(emitter: EventEmitter, role: Role, options: ConnectOptions) {
    this.#emitter = emitter;
    this.role = role;
    this.#options = options;
  }

  get readyState(): ReadyState {
    return this.#readyState;
  }

  /** For programs that set the state of a socket under its name in `ws`. */
  set readyState(state: ReadyState) {
    this.#readyState = state;
  }

  get link(): StreamLink | undefined {
    return this.#link;
  }

  /** The stream, also after its end. */
  get stream(): Duplex | null {
    return this.#link?.formerStream ?? null;
  }

  /** A client's request, until it is answered. */
  get request(): ClientRequest | null {
    return this.#link === undefined ? (this.#attempt?.request ?? null) : null;
  }

  get redirects(): number {
    return this.#attempt?.redirects ?? 0;
  }

  get closeTimeout(): number {
    return delayOf(this.#options.closeTimeout, WEBSOCKET_DEFAULTS.closeTimeout);
  }

  get answersPings(): boolean {
    return answersPings(this.#options);
  }

  get deflateParams(): DeflateParams | undefined {
    return this.deflate?.params;
  }

  get url(): string {
    return this.#attempt?.url ?? "";
  }

  connect(attempt: ConnectAttempt): void {
    this.#attempt = attempt;
    attempt.start();
  }

  /** Opens the connection after its opening handshake, which set `protocol` and `deflate`. */
  open(stream: Duplex, head: Buffer | null | undefined, options: WebSocketOptions): void {
    const joined = { stream, head: head ?? EMPTY, deflate: this.deflate };
    const own = this.#options;
    this.#link = joinLink(this.role, joined, options === own ? own : { ...own, ...options });
    this.#readyState = READY_STATE.OPEN;
    this.#link.open(this);
    this.#emitter.emit("open");
  }

  close(code: number | undefined, reason: string): void {
    if (this.#readyState === READY_STATE.CLOSED) return;
    if (this.#link === undefined) return this.#abortConnecting();
    this.#readyState = READY_STATE.CLOSING;
    this.#link.close(code, reason);
  }

  terminate(): void {
    if (this.#readyState === READY_STATE.CLOSED) return;
    if (this.#link === undefined) return this.#abortConnecting();
    this.#readyState = READY_STATE.CLOSING;
    // Messages sent earlier in this tick still leave.
    this.#link.flush();
    this.#link.terminate();
  }

  pause(): void {
    if (!this.#canFlow()) return;
    this.isPaused = true;
    this.#link?.pause();
  }

  resume(): void {
    if (!this.#canFlow()) return;
    this.isPaused = false;
    this.#link?.resume();
  }

  // ---- the attempt ------------------------------------------------------------------------------

  onRequest(request: ClientRequest): void {
    const { finishRequest } = this.#options;
    if (!finishRequest) request.end();
    // Cast: the emitter is the WebSocket, whose class imports this file.
    else finishRequest(request, this.#emitter as never);
  }

  onAnswer(response: IncomingMessage): void {
    this.#emitter.emit("upgrade", response);
  }

  onUnexpected(request: ClientRequest, response: IncomingMessage): boolean {
    return this.#emitter.emit("unexpected-response", request, response);
  }

  watchesRedirects(): boolean {
    return this.#emitter.listenerCount("redirect") > 0;
  }

  onRedirect(url: string, request: ClientRequest): void {
    this.#emitter.emit("redirect", url, request);
  }

  onConnected({ stream, head, protocol, deflate }: Connected): void {
    this.protocol = protocol;
    this.deflate = deflate;
    this.open(stream, head, this.#options);
  }

  onConnectFailed(error: Error): void {
    this.#readyState = READY_STATE.CLOSING;
    this.#report(error);
    this.ended(CLOSE_CODE.abnormal, EMPTY);
  }

  // ---- the link ---------------------------------------------------------------------------------

  onTextBytes(data: Buffer): void {
    this.#emitter.emit("message", data, false);
  }

  onText(text: string): void {
    this.onTextBytes(Buffer.from(text));
  }

  onBinary(data: Buffer): void {
    this.#emitter.emit("message", this.binaryType === "nodebuffer" ? data : converted(data, this.binaryType), true);
  }

  onPing(data: Buffer): void {
    this.#emitter.emit("ping", data);
  }

  onPong(data: Buffer): void {
    this.#emitter.emit("pong", data);
  }

  onDrain(): void {}

  onEnding(error: WebSocketError | undefined): void {
    this.#readyState = READY_STATE.CLOSING;
    if (error !== undefined) this.#report(error);
  }

  onClose(close: LinkClose): void {
    // After a violation by the peer, `ws` reports 1006: the peer sent no close frame.
    if (close.error instanceof WebSocketError) this.ended(CLOSE_CODE.abnormal, EMPTY);
    else this.ended(close.code, Buffer.from(close.reason));
  }

  #canFlow(): boolean {
    return this.#readyState === READY_STATE.OPEN || this.#readyState === READY_STATE.CLOSING;
  }

  #abortConnecting(): void {
    this.#readyState = READY_STATE.CLOSING;
    this.#attempt?.abort("WS_ERR_CONNECT_ABORTED");
  }

  /**
   * Emits `error`. On a server, drops it without a listener: no client's input may end the process.
   */
  #report(error: Error): void {
    if (this.role === "server" && this.#emitter.listenerCount("error") === 0) return;
    this.#emitter.emit("error", error);
  }

  /** Emits the last event. */
  ended(code: number, reason: Buffer): void {
    this.#readyState = READY_STATE.CLOSED;
    this.#emitter.emit("close", code, reason);
  }
}

function converted(data: Buffer, type: BinaryType): ArrayBuffer | Buffer[] {
  if (type === "fragments") return data.length === 0 ? [] : [data];
  const { buffer, byteOffset, byteLength } = data;
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
