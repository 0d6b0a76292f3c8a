/** First line and headers of a request or an answer, and the bytes that they came as. */
export interface Head {
  readonly start: string;
  /** By names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Buffer;
}

/** A piece of HTTP/1.1: a head, or bytes behind it. `isLast`: the message ends with it. */
export interface Piece {
  readonly head: Head | undefined;
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

const LINE = Buffer.from("\r\n");
const BLANK = Buffer.from("\r\n\r\n");

/** `raw`: what follows has no length, or another protocol. */
type Part = "head" | "body" | "chunk size" | "chunk" | "trailer" | "raw";

/** Cuts one direction of a connection into heads and what follows them. All bytes come out as they went in. */
export class HttpPieces {
  #part: Part = "head";
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes that are left of the body or the chunk. */
  #left = 0;
  readonly #side: "requests" | "answers";

  constructor(side: "requests" | "answers") {
    this.#side = side;
  }

  *add(chunk: Buffer): Generator<Piece> {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let piece = this.#next(); piece; piece = this.#next()) yield piece;
  }

  #next(): Piece | undefined {
    if (this.#part === "head") return this.#nextHead();
    if (this.#part === "chunk size") return this.#nextLine((line) => this.#onChunkSize(line));
    if (this.#part === "trailer") return this.#nextLine((line) => this.#onTrailer(line));
    if (this.#part === "raw") return this.#bytes.length > 0 ? this.#take(this.#bytes.length, false) : undefined;
    return this.#nextBytes();
  }

  #onChunkSize(line: string): boolean {
    const size = Number.parseInt(line, 16);
    this.#left = size + LINE.length;
    this.#part = size > 0 ? "chunk" : "trailer";
    return false;
  }

  #onTrailer(line: string): boolean {
    if (line === "") this.#part = "head";
    return line === "";
  }

  #nextHead(): Piece | undefined {
    const end = this.#bytes.indexOf(BLANK);
    if (end === -1) return undefined;
    const [start = "", ...lines] = this.#bytes.toString("latin1", 0, end).split("\r\n");
    const fields = lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const headers = new Map(fields);
    this.#part = this.#partAfter(start, headers);
    const piece = this.#take(end + BLANK.length, this.#part === "head");
    return { ...piece, head: { start, headers, bytes: piece.bytes } };
  }

  #partAfter(start: string, headers: ReadonlyMap<string, string>): Part {
    const length = headers.get("content-length");
    this.#left = Number(length ?? 0);
    if (headers.has("upgrade") || start.split(" ")[1] === "101") return "raw";
    if (headers.get("transfer-encoding")) return "chunk size";
    if (this.#left > 0) return "body";
    return this.#side === "answers" && length === undefined ? "raw" : "head";
  }

  #nextBytes(): Piece | undefined {
    const count = Math.min(this.#left, this.#bytes.length);
    if (count === 0) return undefined;
    this.#left -= count;
    const isLast = this.#part === "body" && this.#left === 0;
    if (this.#left === 0) this.#part = this.#part === "body" ? "head" : "chunk size";
    return this.#take(count, isLast);
  }

  #nextLine(read: (line: string) => boolean): Piece | undefined {
    const end = this.#bytes.indexOf(LINE);
    if (end === -1) return undefined;
    const isLast = read(this.#bytes.toString("latin1", 0, end));
    return this.#take(end + LINE.length, isLast);
  }

  #take(count: number, isLast: boolean): Piece {
    const bytes = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return { head: undefined, bytes, isLast };
  }
}
