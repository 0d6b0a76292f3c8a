import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { Inbox, nextEvent, within } from "../waiting.ts";
import { frame, FrameReader, type FrameSpec, OPCODE, type ReadFrame } from "./frames.ts";

export type Http2Answer = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** The request that opens a WebSocket over HTTP/2 (RFC 8441). */
export const CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  "sec-websocket-version": "13",
} as const;

/** A WebSocket client by hand, on a stream of an HTTP/2 connection. */
export class Http2WebSocket {
  readonly stream: ClientHttp2Stream;
  readonly headers: Http2Answer;
  readonly frames = new Inbox<ReadFrame>("a frame");
  /** Settles when the stream is closed. */
  readonly closed: Promise<unknown>;

  private constructor(stream: ClientHttp2Stream, headers: Http2Answer) {
    this.stream = stream;
    this.headers = headers;
    this.closed = new Promise((resolve) => stream.once("close", resolve));
    if (headers[":status"] !== 200) return;
    const reader = new FrameReader();
    stream.on("data", (chunk: Buffer) => {
      for (const read of reader.push(chunk)) this.frames.push(read);
    });
    stream.on("end", () => stream.end());
  }

  /** Sends the CONNECT. The answer may be a refusal. */
  static async open(
    session: ClientHttp2Session,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Http2WebSocket> {
    const stream = session.request({ ...CONNECT, ":path": path, ...headers });
    stream.on("error", () => undefined);
    const [answer] = await nextEvent<[Http2Answer]>(stream, "response");
    return new Http2WebSocket(stream, answer);
  }

  get status(): number | undefined {
    return this.headers[":status"];
  }

  send(payload: string | Buffer): void {
    this.sendFrame({ opcode: typeof payload === "string" ? OPCODE.text : OPCODE.binary, payload });
  }

  sendFrame(spec: FrameSpec): void {
    this.stream.write(frame(spec));
  }

  /** The next message, as text. */
  async next(): Promise<string> {
    return (await this.frames.next()).payload.toString();
  }

  /** The code of the close frame, which is the next frame. */
  async closeCode(): Promise<number> {
    const { opcode, payload } = await this.frames.find((read) => read.opcode === OPCODE.close);
    return opcode === OPCODE.close && payload.length > 0 ? payload.readUInt16BE() : 1005;
  }

  /** The body of a refusal. */
  async body(): Promise<string> {
    let text = "";
    const read = async (): Promise<void> => {
      for await (const chunk of this.stream) text += String(chunk);
    };
    await within(read(), "the body of a refusal");
    return text;
  }
}
