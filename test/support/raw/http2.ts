import { connect, type TLSSocket } from "node:tls";
import { TEST_CERTIFICATE } from "../servers/certificate.ts";
import { within } from "../waiting.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TYPES = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;

/** A frame of HTTP/2 (RFC 9113, section 4.1) from the server. */
interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** An HTTP/2 connection by hand: frames in any order, at any moment. Node's own client ends a stream before it resets it. */
export class RawHttp2 {
  readonly tls: TLSSocket;
  readonly #frames: Frame[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #next = 1;
  #onFrame: () => void = () => undefined;

  private constructor(tls: TLSSocket) {
    this.tls = tls;
    tls.on("error", () => undefined);
    tls.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  static async open(port: number): Promise<RawHttp2> {
    const tls = connect({ port, host: "127.0.0.1", ca: TEST_CERTIFICATE, ALPNProtocols: ["h2"] });
    const raw = new RawHttp2(tls);
    await within(new Promise((resolve) => tls.once("secureConnect", resolve)), "a TLS connection");
    tls.write(Buffer.concat([Buffer.from(PREFACE), frame(TYPES.settings, 0, 0)]));
    return raw;
  }

  /** The frame that opens a stream. */
  open(method: string, path: string, headers: Record<string, string> = {}): { id: number; bytes: Buffer } {
    const id = this.#next;
    this.#next += 2;
    const all = { ":method": method, ":scheme": "https", ":path": path, ":authority": "localhost", ...headers };
    const flags = method === "POST" || method === "CONNECT" ? END_HEADERS : END_HEADERS | END_STREAM;
    return { id, bytes: frame(TYPES.headers, flags, id, headerBlock(all)) };
  }

  write(...frames: Buffer[]): void {
    this.tls.write(Buffer.concat(frames));
  }

  /** Returns the whole answer on a stream, with its header block unparsed. */
  async answer(id: number): Promise<{ head: Buffer; text: string }> {
    await this.until(() => this.#of(id).some(({ type, flags }) => isEnd(type, flags)), `an answer on stream ${id}`);
    const all = this.#of(id);
    const text = Buffer.concat(all.filter(({ type }) => type === TYPES.data).map(({ payload }) => payload)).toString();
    return { head: all.find(({ type }) => type === TYPES.headers)?.payload ?? Buffer.alloc(0), text };
  }

  /** Bytes of all bodies so far. */
  get received(): number {
    return this.#frames.reduce((sum, { type, payload }) => sum + (type === TYPES.data ? payload.length : 0), 0);
  }

  /** Whether the server has closed a stream by a reset. */
  wasReset(id: number): boolean {
    return this.#of(id).some(({ type }) => type === TYPES.reset);
  }

  /** Gets a document. */
  async get(path: string, headers?: Record<string, string>): Promise<string> {
    const { id, bytes } = this.open("GET", path, headers);
    this.write(bytes);
    return (await this.answer(id)).text;
  }

  /** Waits until a received frame makes a condition true. */
  until(isSo: () => boolean, what: string): Promise<void> {
    const found = new Promise<void>((resolve) => {
      this.#onFrame = () => void (isSo() && resolve());
      this.#onFrame();
    });
    return within(found, what);
  }

  #of(id: number): Frame[] {
    return this.#frames.filter(({ stream }) => stream === id);
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9 && this.#rest.length >= 9 + this.#rest.readUIntBE(0, 3)) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      const [type, flags, stream] = [this.#rest[3]!, this.#rest[4]!, this.#rest.readUInt32BE(5) & 0x7fffffff];
      this.#frames.push({ type, flags, stream, payload: this.#rest.subarray(9, end) });
      this.#rest = this.#rest.subarray(end);
      if (type === TYPES.settings && flags !== ACK) this.tls.write(frame(TYPES.settings, ACK, 0));
      this.#onFrame();
    }
  }
}

export function data(id: number, content: string | Buffer, isLast: boolean): Buffer {
  return frame(TYPES.data, isLast ? END_STREAM : 0, id, Buffer.from(content));
}

export function reset(id: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(TYPES.reset, 0, id, payload);
}

const isEnd = (type: number, flags: number): boolean =>
  type === TYPES.reset || ((type === TYPES.data || type === TYPES.headers) && (flags & END_STREAM) !== 0);

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal fields that are not indexed, without Huffman codes (RFC 7541, section 6.2.2). */
function headerBlock(headers: Record<string, string>): Buffer {
  const fields = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.of(0), stringLiteral(name), stringLiteral(value)]),
  );
  return Buffer.concat(fields);
}

function stringLiteral(text: string): Buffer {
  if (text.length < 127) return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
  return Buffer.concat([Buffer.of(127, text.length - 127), Buffer.from(text)]);
}
