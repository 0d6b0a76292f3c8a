/*
 * What clients of the simulation read and write: HTTP answers, payloads, WebSocket frames. Text only.
 */

/** An HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** What follows an answer without a body: the bytes of a WebSocket. */
  readonly rest: Buffer;
}

const HEAD_END = "\r\n\r\n";

/** Returns the answer once it is complete. */
export function readAnswer(bytes: Buffer): Answer | undefined {
  const at = bytes.indexOf(HEAD_END);
  if (at === -1) return undefined;
  const head = bytes.toString("latin1", 0, at);
  const rest = bytes.subarray(at + HEAD_END.length);
  const status = Number(head.slice(9, 12));
  if (status === 101) return { status, body: "", rest };
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  const body = length === undefined ? readChunks(rest) : wholeOf(rest, Number(length));
  return body === undefined ? undefined : { status, body, rest: Buffer.alloc(0) };
}

const wholeOf = (bytes: Buffer, length: number): string | undefined =>
  bytes.length < length ? undefined : bytes.toString("utf8", 0, length);

function readChunks(bytes: Buffer): string | undefined {
  let body = "";
  for (let at = 0; ;) {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (bytes.length < end + 4 + size) return undefined;
    if (size === 0) return body;
    body += bytes.toString("utf8", end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}

const SEPARATOR = "\u001e";

export const joinPackets = (packets: readonly string[]): string => packets.join(SEPARATOR);

export const splitPackets = (payload: string): string[] => payload.split(SEPARATOR);

/** Returns a masked text frame, or a close frame. */
export function frameOf(text: string | undefined): Buffer {
  const payload = Buffer.from(text ?? "\u0003\u00e8", text === undefined ? "latin1" : "utf8");
  const head = payload.length < 126 ? [payload.length | 0x80] : [0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([text === undefined ? 0x88 : 0x81, ...head, 0, 0, 0, 0]), payload]);
}

/** What a WebSocket has said, as far as it is complete. */
export interface FramesRead {
  readonly texts: string[];
  readonly isClosed: boolean;
  readonly rest: Buffer;
}

export function readFrames(bytes: Buffer): FramesRead {
  const texts: string[] = [];
  let at = 0;
  while (bytes.length - at >= 2) {
    const short = bytes[at + 1]! & 0x7f;
    const start = short < 126 ? at + 2 : at + 4;
    if (bytes.length < start) break;
    const length = short < 126 ? short : bytes.readUInt16BE(at + 2);
    if (bytes.length < start + length) break;
    const opcode = bytes[at]! & 0x0f;
    if (opcode === 8) return { texts, isClosed: true, rest: Buffer.alloc(0) };
    if (opcode === 1) texts.push(bytes.toString("utf8", start, start + length));
    at = start + length;
  }
  return { texts, isClosed: false, rest: bytes.subarray(at) };
}
