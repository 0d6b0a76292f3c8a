/*
 * Frames between two nodes, one in each binary message of their link.
 * Knows: bytes.
 * Must not know: streams, timers, HTTP, sessions, and how a link is made.
 *
 *   u8 type | u32 stream | body
 *
 * A stream is one exchange (a poll, a POST) or one tunnel (a WebSocket). The front, which has the client's connection,
 * numbers it; the owner, which has the session, answers with the same number. Stream 0 is the link itself.
 *
 *   front                                owner
 *   REQUEST  head, first bytes     ->            a poll or a POST; more bytes follow until FIN, if it says so
 *   UPGRADE  head, first bytes     ->            a WebSocket handshake; DATA goes both ways afterwards
 *   DATA     bytes                 <->
 *   FIN                            <->           this direction ends
 *   RESET    code                  <->           both directions end, whatever was under way
 *                                  <-  ANSWER    status and headers, first bytes; more follow until FIN, if it says so
 *   ABORT                          ->            the client is gone, before its answer
 *   DONE                           ->            the whole answer has left the front
 *   LOST                           ->            the connection broke inside the answer
 *   RELEASE                        ->            the front leaves: answer this poll now, or close this WebSocket
 *   CREDIT   u32                   <->           as many more bytes of DATA may follow
 *   STATE    JSON                  <->           stream 0: the state of the node has changed
 *   MESSAGE  bytes                 <->           stream 0: for the adapter of a namespace
 *   ASK      JSON                  <->           stream 0: a question to a part of the server, with a number
 *   TELL     JSON                  <->           stream 0: its answer, with the same number
 */

/** The types of frames, by their number on the wire. */
export const FRAME = {
  REQUEST: 1,
  UPGRADE: 2,
  DATA: 3,
  FIN: 4,
  RESET: 5,
  ANSWER: 6,
  ABORT: 7,
  DONE: 8,
  LOST: 9,
  RELEASE: 10,
  CREDIT: 11,
  STATE: 12,
  MESSAGE: 13,
  ASK: 14,
  TELL: 15,
} as const;

export type FrameName = keyof typeof FRAME;

/** Most bytes of a frame's body. DATA has at most 64 KiB; heads of requests and messages of adapters may be longer. */
export const MAX_FRAME = 1_048_576;

/** Most bytes of DATA in one frame. */
export const MAX_DATA = 65_536;

const HEADER = 5;

/** A frame that was received. */
export interface Frame {
  readonly type: FrameName;
  readonly stream: number;
  readonly body: Buffer;
}

const FRAME_NAMES: readonly (FrameName | undefined)[] = Object.entries(FRAME).reduce<FrameName[]>(
  (names, [name, number]) => {
    names[number] = name as FrameName;
    return names;
  },
  [],
);

const NO_BODY = Buffer.alloc(0);

/** Encodes a frame; the parts of its body are copied. */
export function encodeFrame(type: FrameName, stream: number, ...parts: readonly Buffer[]): Buffer {
  let size = HEADER;
  for (const part of parts) size += part.length;
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = FRAME[type];
  bytes.writeUInt32BE(stream, 1);
  let at = HEADER;
  for (const part of parts) at += part.copy(bytes, at);
  return bytes;
}

/** Decodes a frame. Undefined: it is malformed, of an unknown type, or too long. The body shares the memory of `bytes`. */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  const type = FRAME_NAMES[bytes[0] ?? 0];
  if (type === undefined || bytes.length < HEADER || bytes.length > HEADER + MAX_FRAME) return undefined;
  const body = bytes.length === HEADER ? NO_BODY : bytes.subarray(HEADER);
  return { type, stream: bytes.readUInt32BE(1), body };
}
