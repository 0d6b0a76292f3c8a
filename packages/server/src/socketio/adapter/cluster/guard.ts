import { SocketIoError } from "../../report/errors.ts";
import { type Canonical, canonical } from "./canonical.ts";
import type { ClusterKeys } from "./keys.ts";
import { MessageType } from "./messages.ts";

/** A message or a response that has not been checked yet. */
interface Envelope {
  readonly uid?: unknown;
  readonly nsp?: unknown;
  readonly type?: unknown;
  readonly data?: unknown;
}

/** What a guard needs to know about its adapter. */
export interface GuardOptions {
  readonly keys: ClusterKeys;
  /** The id of this server on the bus. */
  readonly uid: string;
  /** The name of the namespace. */
  readonly nsp: string;
  readonly onRefused: (error: SocketIoError) => void;
}

/** Part of every signed text, so that signatures made for another purpose with the same secret are not valid here. */
const PURPOSE = "portage cluster";

/**
 * Signs outgoing messages of an adapter, and admits incoming ones only when their signature is valid. The signature covers
 * sender, namespace, type and data, and `open()` drops all other fields. It travels in `data`, because some adapters send
 * no other fields.
 */
export class BusGuard {
  readonly #guarded: GuardOptions;
  /** Messages that were verified. An adapter may pass a verified message on as a response. */
  readonly #genuine = new WeakSet();

  constructor(guarded: GuardOptions) {
    this.#guarded = guarded;
  }

  /** @returns a signed copy */
  seal<Message extends object>(message: Message): Message {
    const { chunks, plain } = signedPart(message, (message as Envelope).data ?? {});
    return { ...message, data: { ...(plain as object), signature: this.#guarded.keys.sign(chunks) } };
  }

  /** @returns undefined for a message of this server or of another namespace, and for one without a valid signature */
  open<Message extends object>(message: Message): Message | undefined {
    if (this.#genuine.has(message)) return message;
    const { uid, nsp, type, data } = (message ?? {}) as Envelope;
    // A bus may return a server's own messages, and deliver messages of other namespaces.
    if (uid === this.#guarded.uid || (typeof nsp === "string" && nsp !== this.#guarded.nsp)) return undefined;
    const { signature, ...content } = (data ?? {}) as { signature?: unknown };
    if (typeof signature !== "string") {
      // Some adapters send their first hello in the constructor, before they are guarded, and another one later.
      if (type !== MessageType.INITIAL_HEARTBEAT) this.#refuse("it is not signed");
      return undefined;
    }
    const plain = this.#verified({ uid, nsp, type }, content, signature);
    if (plain === undefined) return undefined;
    const genuine: Envelope = { uid, nsp, type, data: plain };
    this.#genuine.add(genuine);
    return genuine as Message;
  }

  /** @returns the signed data; undefined when the signature is wrong */
  #verified(envelope: Envelope, content: object, signature: string): unknown {
    try {
      const { chunks, plain } = signedPart(envelope, content);
      if (this.#guarded.keys.verify(chunks, signature)) return plain;
    } catch {
      // The content has no canonical form, so it was never signed.
    }
    this.#refuse("its signature is wrong");
    return undefined;
  }

  #refuse(why: string): void {
    const message = `a message from the bus is ignored: ${why}`;
    this.#guarded.onRefused(new SocketIoError("CLUSTER_SIGNATURE_INVALID", message));
  }
}

/** Returns the chunks to sign, and the data to hand on. */
function signedPart({ uid, nsp, type }: Envelope, data: unknown): Canonical {
  const { chunks, plain } = canonical([PURPOSE, uid, nsp, type, data]);
  return { chunks, plain: (plain as unknown[])[4] };
}
