import { constants } from "node:buffer";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { limitsOf } from "./core/index.ts";
import type { DeflateSettings, Role } from "./core/index.ts";
import { StreamLink } from "./link.ts";
import { DEFAULTS } from "./options.ts";
import type { ClientOptions } from "./options.ts";

/** A stream after its opening handshake. */
export interface JoinedStream {
  readonly stream: Duplex;
  /** Bytes that came behind the handshake. */
  readonly head: Buffer;
  /** Bytes that go before the first frame: a server's answer. */
  readonly answer?: Buffer;
  /** Compression as it was negotiated. */
  readonly deflate: DeflateSettings | undefined;
}

const NO_BYTES = Buffer.alloc(0);

/** Joins a link with the options of a public WebSocket to a stream. */
export function joinLink(role: Role, joined: JoinedStream, options: ClientOptions): StreamLink {
  const { stream, head, answer = NO_BYTES } = joined;
  prepareStream(stream, head);
  return new StreamLink(stream, answer, {
    role,
    limits: limitsOf({ ...options, maxPayload: maxPayloadOf(options.maxPayload ?? DEFAULTS.maxPayload) }),
    text: options.skipUTF8Validation === true ? "unchecked" : "bytes",
    deflate: joined.deflate,
    autoPong: options.autoPong !== false,
    clock: options.clock ?? DEFAULTS.clock,
    closeTimeout: options.closeTimeout ?? DEFAULTS.closeTimeout,
    ...(options.generateMask && { maskKey: maskKeys(options.generateMask) }),
  });
}

/** Frees a stream from what HTTP set on it, and puts back the bytes that HTTP has read. */
export function prepareStream(stream: Duplex, head: Buffer): void {
  if (head.length > 0) stream.unshift(head);
  if (stream instanceof Socket) stream.setTimeout(0).setNoDelay(true);
}

/** 0 is no limit to `ws`: what a Buffer can hold. */
function maxPayloadOf(maxPayload: number): number {
  return maxPayload > 0 ? maxPayload : constants.MAX_LENGTH;
}

function maskKeys(generateMask: (key: Buffer) => void): () => number {
  const key = Buffer.alloc(4);
  return () => {
    generateMask(key);
    return key.readInt32LE(0);
  };
}
