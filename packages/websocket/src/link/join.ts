import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { clockOf, delayOf } from "../clock.ts";
import { DEFAULT_LIMITS, EMPTY, limitsOf } from "../core/index.ts";
import type { DeflateSettings, Limits, Role } from "../core/index.ts";
import { StreamLink } from "./link.ts";
import { WEBSOCKET_DEFAULTS } from "../options.ts";
import type { ConnectOptions, WebSocketOptions } from "../options.ts";

/** A stream after its opening handshake. */
export interface JoinedStream {
  readonly stream: Duplex;
  /** Bytes that arrived after the handshake. */
  readonly head: Buffer;
  /** The negotiated compression. */
  readonly deflate: DeflateSettings | undefined;
}

/** Joins a link to a stream, with the options of a public WebSocket. */
export function joinLink(role: Role, joined: JoinedStream, options: ConnectOptions): StreamLink {
  const { stream, head } = joined;
  prepareStream(stream, head);
  return new StreamLink(stream, EMPTY, {
    role,
    limits: limitsOfSocket(options),
    text: options.skipUTF8Validation ? "unchecked" : "bytes",
    deflate: joined.deflate,
    autoPong: answersPings(options),
    clock: clockOf(options.clock),
    closeTimeout: delayOf(options.closeTimeout, WEBSOCKET_DEFAULTS.closeTimeout),
    ...(options.generateMask && { maskKey: maskKeys(options.generateMask) }),
  });
}

/** Resolves limits. `maxFragments` defaults to the value of `ws`, but grows with long messages. */
function limitsOfSocket(options: WebSocketOptions): Limits {
  const { maxPayload = WEBSOCKET_DEFAULTS.maxPayload, maxFragments = WEBSOCKET_DEFAULTS.maxFragments } = options;
  const fragmentBytes = maxFragments === WEBSOCKET_DEFAULTS.maxFragments ? DEFAULT_LIMITS.fragmentBytes : Infinity;
  const { maxControlFramesPerSecond, budget } = options;
  return limitsOf({ maxPayload, maxFragments, fragmentBytes, maxControlFramesPerSecond, budget });
}

/** Whether pings are answered automatically. */
export function answersPings({ autoPong = true }: ConnectOptions): boolean {
  return Boolean(autoPong as unknown);
}

/** Undoes HTTP's settings of a stream, and puts back the bytes that HTTP has read. */
export function prepareStream(stream: Duplex, head: Buffer | undefined | null): void {
  if (head?.length) stream.unshift(head);
  if (stream instanceof Socket) stream.setTimeout(0).setNoDelay(true);
}

function maskKeys(generateMask: (key: Buffer) => void): () => number {
  const key = Buffer.alloc(4);
  return () => {
    generateMask(key);
    return key.readInt32LE(0);
  };
}
