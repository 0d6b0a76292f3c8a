import { CLOSE_CODE } from "./core/index.ts";
import type { Role } from "./core/index.ts";
import type { Endpoint, ReadyState } from "./endpoint.ts";
import type { StreamLink } from "./link/link.ts";
import type { BinaryType } from "./options.ts";
import type { WriteCallback } from "./link/write-callbacks.ts";

/** How to read, and possibly set, an underscored name of `ws`. */
export interface Underscored<State> {
  readonly get: (state: State) => unknown;
  readonly set?: (state: State, value: unknown) => void;
}

/**
 * Defines underscored names that programs written for `ws` read. As accessors of the prototype they
 * take no memory. An assignment creates a property of the program's own object and has no other
 * effect, unless `set` exists.
 */
export function defineUnderscored<Owner extends object, State>(
  prototype: Owner,
  names: Readonly<Record<string, Underscored<State>>>,
  stateOf: (owner: Owner) => State,
): void {
  for (const [name, { get, set }] of Object.entries(names)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: Owner) {
        return get(stateOf(this));
      },
      set(this: Owner, value: unknown) {
        if (set !== undefined) set(stateOf(this), value);
        else Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      },
    });
  }
}

/** The underscored members of the `WebSocket` of `ws`. */
export const SOCKET_NAMES: Readonly<Record<string, Underscored<Endpoint>>> = {
  _socket: { get: ({ stream }) => stream },
  _sender: { get: ({ link, unsentBytes }) => (link === undefined ? null : new SenderView(link, unsentBytes)) },
  _receiver: { get: (endpoint) => (endpoint.link === undefined ? null : new ReceiverView(endpoint)) },
  _isServer: {
    get: ({ role }) => role === "server",
    set: (endpoint, isServer) => (endpoint.role = (isServer ? "server" : "client") satisfies Role),
  },
  _protocol: {
    get: ({ protocol }) => protocol,
    set: (endpoint, protocol) => (endpoint.protocol = String(protocol)),
  },
  _readyState: {
    get: ({ readyState }) => readyState,
    set: (endpoint, state) => (endpoint.readyState = state as ReadyState),
  },
  _binaryType: {
    get: ({ binaryType }) => binaryType,
    set: (endpoint, type) => (endpoint.binaryType = type as BinaryType),
  },
  _extensions: {
    get: ({ deflateParams }) => (deflateParams === undefined ? {} : { "permessage-deflate": deflateParams }),
  },
  _url: { get: ({ role, url }) => (role === "server" ? undefined : url) },
  _req: { get: ({ request }) => request },
  _redirects: { get: ({ redirects }) => redirects },
  _paused: { get: ({ isPaused }) => isPaused },
  _bufferedAmount: { get: ({ unsentBytes }) => unsentBytes },
  _closeCode: { get: ({ link }) => (isFailed(link) ? CLOSE_CODE.abnormal : link!.closeCode) },
  _closeMessage: { get: ({ link }) => Buffer.from(isFailed(link) ? "" : link!.closeReason) },
  _closeFrameReceived: { get: ({ link }) => link?.phase === "closed" },
  _closeFrameSent: { get: ({ link }) => link?.phase === "closed" || link?.phase === "closing" },
  _closeTimer: { get: () => null },
  _closeTimeout: { get: ({ closeTimeout }) => closeTimeout },
  _autoPong: { get: ({ answersPings }) => answersPings },
  _errorEmitted: { get: ({ link }) => link?.error !== undefined },
};

/** Returns whether the peer's close frame, with code and reason, is missing. */
function isFailed(link: StreamLink | undefined): boolean {
  return link === undefined || link.error !== undefined;
}

/** The members of the `Sender` of `ws` that programs use. */
class SenderView {
  readonly #link: StreamLink;
  readonly #unsentBytes: number;

  constructor(link: StreamLink, unsentBytes: number) {
    this.#link = link;
    this.#unsentBytes = unsentBytes;
  }

  get _bufferedBytes(): number {
    const { stream, bufferedBytes } = this.#link;
    return bufferedBytes - (stream?.writableLength ?? 0) + this.#unsentBytes;
  }

  get _socket(): unknown {
    return this.#link.formerStream;
  }

  /** Sends the pieces of a prepared frame. */
  sendFrame(pieces: readonly (Buffer | string)[], callback?: WriteCallback): void {
    const link = this.#link;
    link.sendFrame(Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece))));
    if (typeof callback === "function") link.whenWritten(callback);
  }
}

/** The members of the `Receiver` of `ws` that programs use. */
class ReceiverView {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get _isServer(): boolean {
    return this.#endpoint.role === "server";
  }

  get _binaryType(): BinaryType {
    return this.#endpoint.binaryType;
  }

  set _binaryType(type: BinaryType) {
    this.#endpoint.binaryType = type;
  }
}
