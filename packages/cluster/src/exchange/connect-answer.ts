/*
 * The answer to the CONNECT of HTTP/2, made of the owner's answer to an upgrade of HTTP/1.1.
 */
import type { Duplex } from "node:stream";
import type { RespondToConnect } from "@portage/server/relay";
import { readAnswer, readAnswerBody, type UpgradeAnswer } from "../core/upgrade-answer.ts";

/** Most bytes of a refusal. */
const MAX_REFUSAL = 131_072;

/** Collects the owner's answer until the client can be answered. */
export class Http2Answer {
  readonly #stream: Duplex;
  readonly #respond: RespondToConnect;
  #bytes: Buffer = Buffer.alloc(0);
  #refusal: UpgradeAnswer | undefined = undefined;

  constructor(stream: Duplex, respond: RespondToConnect) {
    this.#stream = stream;
    this.#respond = respond;
  }

  /** Number of collected bytes. */
  get size(): number {
    return this.#bytes.length;
  }

  /** Takes bytes of the owner. Once they accept the handshake, it is answered, and later bytes are the client's. */
  read(bytes: Buffer): "answered" | "incomplete" | "malformed" {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#bytes.length > MAX_REFUSAL) return "malformed";
    if (this.#refusal) return "incomplete";
    const answer = readAnswer(this.#bytes);
    if (typeof answer === "string") return answer;
    if (answer.status !== 101) {
      this.#refusal = answer;
      return "incomplete";
    }
    this.#respond(200, answer.headers);
    const rest = this.#bytes.subarray(answer.size);
    if (rest.length > 0) this.#stream.write(rest);
    return "answered";
  }

  /** Takes the end of the owner's bytes, and refuses the handshake as the owner has. */
  end(): void {
    const refusal = this.#refusal;
    const body = refusal && readAnswerBody(this.#bytes.subarray(refusal.size), refusal.isChunked);
    if (!refusal || !body) return void this.#stream.destroy();
    this.#respond(refusal.status, refusal.headers);
    this.#stream.end(body);
  }
}
